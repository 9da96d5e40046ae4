import { ActionIcon, Drawer, Group, Kbd, Menu, Modal, Table, Tooltip, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { api, ApiError, take } from "../api/client";
import { useLiveFleet } from "../api/events";
import { useMay } from "../api/may";
import { sessionQuery } from "../api/queries";
import { endSession } from "../api/session";
import { ErrorNote } from "../parts/ErrorNote";
import { Icon } from "../parts/Icon";
import icon from "../style/icon.svg";
import classes from "./Frame.module.css";
import { type KeyAction, useKeys } from "./keys";
import { places } from "./places";
import { useWaiting } from "./waiting";

const letters = new Set(places.map((place) => place.key));

function Brand() {
  return (
    <Link to="/" className={classes.brand}>
      <img src={icon} width={24} height={24} alt="" /> Aloft
    </Link>
  );
}

function Navigation({ leave }: { leave?: () => void }) {
  const waiting = useWaiting();
  const session = useQuery(sessionQuery).data;
  const may = useMay();
  return (
    <nav className={classes.nav} aria-label="Main">
      {places.filter((place) => (!place.asks || may(place.asks)) && (!place.service || session?.serves_tenants)).map((place) => (
        <Link key={place.to} to={place.to} className={classes.link} activeOptions={{ exact: place.to === "/" }} onClick={leave}>
          <Icon name={place.icon} />
          {place.label}
          {place.to === "/enrolment" && waiting > 0 && (
            <span className={classes.count} aria-label={`${waiting} waiting`}>
              {waiting > 99 ? "99+" : waiting}
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

const schemes = [
  { value: "auto", label: "As the system", icon: "screen" },
  { value: "light", label: "Light", icon: "sun" },
  { value: "dark", label: "Dark", icon: "moon" },
] as const;

function UserMenu() {
  const { data: session } = useQuery(sessionQuery);
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const client = useQueryClient();
  const navigate = useNavigate();
  const logout = useMutation({
    mutationFn: async () => {
      try {
        await take(api.POST("/api/v1/logout"));
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 401)) throw error; // it has ended already
      }
    },
    onSuccess: async () => {
      await navigate({ to: "/login" });
      endSession(client);
    },
  });
  return (
    <>
      <Menu position="top-start">
        <Menu.Target>
          <UnstyledButton className={classes.user}>
            <Icon name="person" />
            {session?.display ?? session?.user ?? "…"}
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Appearance</Menu.Label>
          {schemes.map(({ value, label, icon: name }) => (
            <Menu.Item key={value} leftSection={<Icon name={name} size={16} />} rightSection={colorScheme === value ? <Icon name="check" size={16} /> : null} onClick={() => setColorScheme(value)}>
              {label}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => logout.mutate()}>Log out</Menu.Item>
          <Menu.Label>aloft-server {session?.server_version}</Menu.Label>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={logout.isError} onClose={logout.reset} title="You are still logged in" closeButtonProps={{ "aria-label": "Close" }}>
        <ErrorNote error={logout.error} retry={() => logout.mutate()} />
      </Modal>
    </>
  );
}

function KeysHelp({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal opened={opened} onClose={close} title="Keys" closeButtonProps={{ "aria-label": "Close" }}>
      <Table>
        <Table.Tbody>
          {places.map((place) => (
            <Table.Tr key={place.key}>
              <Table.Td>{place.label}</Table.Td>
              <Table.Td>
                <Group gap={4}>
                  <Kbd>g</Kbd> then <Kbd>{place.key}</Kbd>
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
          <Table.Tr>
            <Table.Td>Query bar</Table.Td>
            <Table.Td>
              <Kbd>/</Kbd>
            </Table.Td>
          </Table.Tr>
          <Table.Tr>
            <Table.Td>This list</Table.Td>
            <Table.Td>
              <Kbd>?</Kbd>
            </Table.Td>
          </Table.Tr>
        </Table.Tbody>
      </Table>
    </Modal>
  );
}

export function Frame() {
  const navigate = useNavigate();
  const [drawer, drawerActions] = useDisclosure(false);
  const [help, helpActions] = useDisclosure(false);
  const act = useCallback(
    (action: KeyAction) => {
      const place = action.kind === "go" ? places.find(({ key }) => key === action.key) : undefined;
      if (place) void navigate({ to: place.to });
      if (action.kind === "help") helpActions.open();
      if (action.kind === "search") document.querySelector<HTMLElement>("[data-query-bar]")?.focus();
    },
    [navigate, helpActions],
  );
  useKeys(letters, act);
  useLiveFleet();
  return (
    <div className={classes.frame}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <section className={classes.top} aria-label="Aloft">
        <Brand />
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Open the navigation" onClick={drawerActions.open}>
          <Icon name="menu" size={22} />
        </ActionIcon>
      </section>
      <aside className={classes.side} aria-label="Aloft">
        <Brand />
        <Navigation />
        <div className={classes.foot}>
          <UserMenu />
          <Tooltip label="Keys">
            <ActionIcon variant="subtle" color="gray" aria-label="Keys" onClick={helpActions.open}>
              <Icon name="question" />
            </ActionIcon>
          </Tooltip>
        </div>
      </aside>
      <Drawer opened={drawer} onClose={drawerActions.close} size="16rem" title="Aloft" lockScroll={false} closeButtonProps={{ "aria-label": "Close the navigation" }}>
        <Navigation leave={drawerActions.close} />
        <div className={classes.foot}>
          <UserMenu />
        </div>
      </Drawer>
      <Outlet />
      <KeysHelp opened={help} close={helpActions.close} />
    </div>
  );
}
