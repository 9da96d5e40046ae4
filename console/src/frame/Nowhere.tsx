import { useLocation } from "@tanstack/react-router";
import { Door } from "../pages/login/Door";
import { ErrorNote } from "../parts/ErrorNote";
import { Page } from "../parts/Page";
import { To } from "../parts/To";

export function Nowhere() {
  const { pathname } = useLocation();
  return (
    <Door title="There is no such page">
      <p>
        Nothing of this server&apos;s console is at <code>{pathname}</code>.
      </p>
      <To to="/">Go to the overview</To>
    </Door>
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
