import { Checkbox, Stack } from "@mantine/core";
import type { Role } from "../../api/client";

const roles: { value: Role; label: string }[] = [
  { value: "viewer", label: "Viewer: sees everything" },
  { value: "operator", label: "Operator: devices, deployments, rollouts" },
  { value: "releaser", label: "Releaser: uploads releases" },
  { value: "approver", label: "Approver: approves rollouts" },
  { value: "admin", label: "Admin: users and the audit log" },
];

export function RoleChoice({ chosen, choose }: { chosen: Role[]; choose: (roles: Role[]) => void }) {
  return (
    <Checkbox.Group label="Roles" value={chosen} onChange={(value) => choose(value as Role[])}>
      <Stack gap={6} mt={6}>
        {roles.map(({ value, label }) => (
          <Checkbox key={value} value={value} label={label} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
