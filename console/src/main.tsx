// Before everything else: the styles of the parts stand over these.
import "./style/mantine.css";
import "./style/base.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { newQueryClient } from "./api/queries";
import { followSession } from "./api/session";
import { Announcer } from "./parts/Announcer";
import { newRouter } from "./routes";
import { theme } from "./style/theme";

const client = newQueryClient();
const router = newRouter(client);

followSession(client, () => router.invalidate());

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
