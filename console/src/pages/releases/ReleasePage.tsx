import { Switch } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { api, type Release, take } from "../../api/client";
import { useMay } from "../../api/may";
import { deploymentsQuery, releaseQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { ConfirmButton } from "../../parts/Confirm";
import { Copyable } from "../../parts/Copy";
import { ErrorNote } from "../../parts/ErrorNote";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Facts, Page, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { sizeText } from "../../parts/text";
import { DeploymentTable } from "../deployments/DeploymentTable";
import { ReleaseHealth } from "../health/Health";
import { Contents } from "./Contents";
import { Deltas } from "./Deltas";
import { Signers } from "./Signers";

const route = getRouteApi("/inside/releases/$id");

export function ReleasePage() {
  const id = Number(route.useParams().id);
  const query = useQuery(releaseQuery(id));
  const release = query.data;
  const may = useMay();
  return (
    <Page
      title={release ? `${release.product} ${release.version}` : `Release ${id}`}
      lead={release?.description}
      back={{ to: "/releases", label: "Releases" }}
      actions={release && may("DELETE /api/v1/releases/{id}") && <Remove release={release} />}
    >
      <Loaded query={query}>
        {(found) => (
          <>
            <Panel>
              <Facts
                facts={[
                  ["Version", found.version],
                  ["Security version", `${found.security_version}: devices that have committed a higher one refuse it`],
                  ["On the way", <MustPass key="" release={found} />],
                  ["Product", found.product],
                  ["Hardware", found.hardware.join(", ")],
                  ["Signed by", <Signers key="" release={found} />],
                  ["Signers' subjects", found.signers.join("; ")],
                  ["Size", `${sizeText(found.size_bytes)} (${found.size_bytes.toLocaleString("en")} bytes)`],
                  ["Uploaded", <span key=""><Ago ms={found.created_ms} /> by {found.created_by}</span>],
                  ["Bundle SHA-256", <Copyable key="" text={found.sha256} what="the digest" />],
                  ["Manifest SHA-256", <Copyable key="" text={found.manifest_sha256} what="the digest" />],
                ]}
              />
            </Panel>
            {found.contents && <Contents format={found.format} contents={found.contents} />}
            <ReleaseHealth id={id} />
            <Deltas release={id} full_bytes={found.size_bytes} />
            <Deployments release={id} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function MustPass({ release }: { release: Release }) {
  const mayChange = useMay()("PUT /api/v1/releases/{id}");
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (must: boolean) => take(api.PUT("/api/v1/releases/{id}", { params: { path: { id: release.id } }, body: { must_pass_through: must } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["releases"] }),
  });
  return (
    <>
      <Switch label="Devices below it get it first, on their way to a release above" checked={release.must_pass_through} disabled={!mayChange || change.isPending} onChange={(event) => change.mutate(event.currentTarget.checked)} />
      {change.isError && <ErrorNote error={change.error} />}
    </>
  );
}

function Deployments({ release }: { release: number }) {
  const query = useInfiniteQuery(deploymentsQuery({ release }));
  const deployments = query.data?.pages.flatMap((page) => page.deployments) ?? [];
  return (
    <Panel title="Where it went" flush>
      <Loaded query={query}>
        {() => (deployments.length === 0 ? <Empty icon="deployments" title="Given to no device yet" /> : <DeploymentTable deployments={deployments} without="release" />)}
      </Loaded>
      <More query={query} />
    </Panel>
  );
}

function Remove({ release }: { release: Release }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const announce = useAnnounce();
  const remove = async () => {
    await take(api.DELETE("/api/v1/releases/{id}", { params: { path: { id: release.id } } }));
    await navigate({ to: "/releases" });
    announce(`${release.version} deleted`);
    await client.invalidateQueries({ queryKey: ["releases"] });
  };
  return (
    <ConfirmButton label="Delete…" title={`Delete ${release.product} ${release.version}?`} action="Delete" typed={release.version} run={remove}>
      The release and its bundle are removed from this server. Devices that run it are not touched. It is refused while an unfinished deployment needs it.
    </ConfirmButton>
  );
}
