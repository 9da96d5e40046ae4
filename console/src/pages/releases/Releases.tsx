import { Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { releasesQuery } from "../../api/queries";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { sizeText } from "../../parts/text";
import { Signers } from "./Signers";
import { UploadPanel } from "./UploadPanel";
import { To } from "../../parts/To";

export function Releases() {
  const query = useInfiniteQuery(releasesQuery);
  const releases = query.data?.pages.flatMap((page) => page.releases) ?? [];
  return (
    <Page title="Releases" lead="Signed bundles, ready to be given to devices.">
      <UploadPanel />
      <Panel flush>
        <Loaded query={query} rows={6}>
          {() =>
            releases.length === 0 ? (
              <Empty icon="releases" title="No release yet">
                Make one with <code>aloft bundle create</code> and drop it above, or send it by <code>aloft release upload</code>.
              </Empty>
            ) : (
              <Table.ScrollContainer minWidth={0} type="native">
                <Table highlightOnHover aria-label="Releases">
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Version</Table.Th>
                      <Table.Th>Product</Table.Th>
                      <Table.Th className="wide">Hardware</Table.Th>
                      <Table.Th className="wide">Signed by</Table.Th>
                      <Table.Th className="wide" ta="right">
                        Size
                      </Table.Th>
                      <Table.Th className="wide">Uploaded by</Table.Th>
                      <Table.Th>Uploaded</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {releases.map((release) => (
                      <Table.Tr key={release.id}>
                        <Table.Td>
                          <To to="/releases/$id" params={{ id: String(release.id) }} fw={550} className="numbers">
                            {release.version}
                          </To>
                        </Table.Td>
                        <Table.Td>{release.product}</Table.Td>
                        <Table.Td className="wide">{release.hardware.join(", ")}</Table.Td>
                        <Table.Td className="wide">
                          <Signers release={release} />
                        </Table.Td>
                        <Table.Td className="wide numbers nowrap" ta="right">
                          {sizeText(release.size_bytes)}
                        </Table.Td>
                        <Table.Td className="wide">{release.created_by}</Table.Td>
                        <Table.Td>
                          <Ago ms={release.created_ms} />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )
          }
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
