// Before everything else: the styles of the parts stand over these.
import "./style/mantine.css";
import "./style/base.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { newQueryClient, sessionQuery } from "./api/queries";
import { Announcer } from "./parts/Announcer";
import { newRouter } from "./routes";
import { theme } from "./style/theme";

const client = newQueryClient();
const router = newRouter(client);

// A session that has ended elsewhere, or expired, ends here too.
client.getQueryCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  const error: unknown = event.action.error;
  if (!(error instanceof ApiError) || error.status !== 401 || client.getQueryData(sessionQuery.queryKey) === null) return;
  client.setQueryData(sessionQuery.queryKey, null);
  void router.invalidate();
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={client}>
        <Announcer>
          <RouterProvider router={router} />
        </Announcer>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
