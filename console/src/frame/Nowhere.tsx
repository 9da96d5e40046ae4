import { ErrorNote } from "../parts/ErrorNote";
import { Page } from "../parts/Page";
import { To } from "../parts/To";

export function Nowhere() {
  return (
    <Page title="There is no such page">
      <p>
        The address leads nowhere. <To to="/">Go to the overview</To>.
      </p>
    </Page>
  );
}

// The last resort: a page that failed, or whose script could not be loaded because the server has been renewed.
export function Broken({ error }: { error: unknown }) {
  return (
    <Page title="The page could not be shown">
      <ErrorNote error={error} retry={() => window.location.reload()} />
    </Page>
  );
}
