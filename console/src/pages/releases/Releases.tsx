import { useInfiniteQuery } from "@tanstack/react-query";
import { useMay } from "../../api/may";
import { releasesQuery } from "../../api/queries";
import { DataTable } from "../../parts/DataTable";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { sizeText } from "../../parts/text";
import { Signers } from "./Signers";
import { UploadPanel } from "./UploadPanel";
import { To } from "../../parts/To";

export function Releases() {
  const mayUpload = useMay()("POST /api/v1/releases");
  const query = useInfiniteQuery(releasesQuery);
  const releases = query.data?.pages.flatMap((page) => page.releases) ?? [];
  return (
    <Page title="Releases" lead="Signed bundles, ready to be given to devices.">
      {mayUpload && <UploadPanel />}
      <Panel flush>
        <Loaded query={query} rows={6}>
          {() => (
            <DataTable
              label="Releases"
              rows={releases}
              rowKey={({ id }) => id}
              empty={
                <Empty icon="releases" title="No release yet">
                  Make one with <code>aloft bundle create</code> and {mayUpload && "drop it above, or "}send it by <code>aloft release upload</code>.
                </Empty>
              }
              columns={[
                { head: "Version", cell: ({ id, version }) => <To to="/releases/$id" params={{ id: String(id) }} fw={550}>{version}</To> },
                { head: "Product", phone: "below", cell: ({ product }) => product },
                { head: "Hardware", phone: "out", cell: ({ hardware }) => hardware.join(", ") },
                { head: "Signed by", phone: "out", cell: (release) => <Signers release={release} /> },
                { head: "Size", right: true, phone: "out", cell: ({ size_bytes: size }) => sizeText(size) },
                { head: "Uploaded by", phone: "out", cell: ({ created_by: by }) => by },
                { head: "Uploaded", cell: ({ created_ms: made }) => <Ago ms={made} /> },
              ]}
            />
          )}
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
