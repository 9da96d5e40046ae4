import { Text } from "@mantine/core";
import type { Release } from "../../api/client";
import { DataTable } from "../../parts/DataTable";
import { Panel } from "../../parts/Page";
import { sizeText } from "../../parts/text";

// What the server read in a file of another project.
export function Contents({ format, contents }: { format: Release["format"]; contents: NonNullable<Release["contents"]> }) {
  return (
    <Panel title={`Inside the ${format === "raucb" ? "RAUC bundle" : "SWUpdate file"}`} flush>
      <Text size="sm" px="md" py="xs">
        {contents.signed ? "It is signed; the device checks by whom." : "It is not signed: only devices that are set up to take such files will."} {contents.note}
      </Text>
      {contents.images.length > 0 && (
        <DataTable
          label="Images"
          rows={contents.images.map((image, number) => ({ ...image, number }))}
          rowKey={({ number }) => number}
          columns={[
            { head: "Image", cell: ({ name }) => name },
            { head: "Size", cell: ({ size_bytes: size }) => sizeText(size) },
            { head: "Goes to", phone: "below", cell: ({ target }) => target },
            { head: "Type", phone: "out", cell: ({ type }) => type },
          ]}
        />
      )}
    </Panel>
  );
}
