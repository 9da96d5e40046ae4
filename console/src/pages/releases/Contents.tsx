import { Table, Text } from "@mantine/core";
import type { Release } from "../../api/client";
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
        <Table.ScrollContainer minWidth={0} type="native">
          <Table aria-label="Images">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Image</Table.Th>
                <Table.Th>Size</Table.Th>
                <Table.Th>Goes to</Table.Th>
                <Table.Th className="wide">Type</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {contents.images.map((image, number) => (
                <Table.Tr key={number}>
                  <Table.Td>{image.name}</Table.Td>
                  <Table.Td>{sizeText(image.size_bytes)}</Table.Td>
                  <Table.Td>{image.target ?? ""}</Table.Td>
                  <Table.Td className="wide">{image.type ?? ""}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Panel>
  );
}
