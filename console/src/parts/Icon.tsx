// The console's own drawings, 20 by 20, in the colour of the text. They are for the eye only: what they mean stands beside them in words.
const paths = {
  overview: "M3 10.5 10 4l7 6.5M5 9v7.5h10V9M8.5 16.5v-4h3v4",
  devices: "M4 5.5h12v7H4zM7 15.5h6M10 12.5v3",
  releases: "M10 3 16.5 6.5v7L10 17l-6.500-3.500v-7zM3.500 6.500 10 10l6.500-3.500M10 10v7",
  deployments: "M10 16V5M5.500 9.500 10 5l4.500 4.500M4 17.500h12",
  rollouts: "M3 15.500h3v-3H3zM8.500 15.500h3v-6.500h-3zM14 15.500h3V4.500h-3z",
  groups: "M7.500 9a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM3 16c0-3 2-4.500 4.500-4.500S12 13 12 16M13 9.500a2 2 0 1 0 0-4M14 11.700c1.900.4 3 1.900 3 4.300",
  enrolment: "M10 3.500v13M3.500 10h13",
  audit: "M6 3.500h8.500v13H5.500v-12zM8 7.500h4M8 10.500h4M8 13.500h2.500",
  approvals: "M10 17.500c-4-1.500-6-4-6-8.500l6-3 6 3c0 4.500-2 7-6 8.500zM7.300 10.700l2 2 3.500-4",
  settings: "M3.500 6H11M15 6h1.500M3.500 14H5M9 14h7.500M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  types: "M3.500 6.500 10 3.500l6.500 3v7l-6.500 3-6.500-3zM7 8.500h6M7 11.500h6",
  tenants: "M4 17V4h7v13M11 8h5v9M6.500 7h2M6.500 10h2M6.500 13h2M13 11h1M13 14h1M3 17h14",
  plug: "M7 3.500v4M13 3.500v4M5 7.500h10v2.500a5 5 0 0 1-10 0zM10 15v2.500",
  menu: "M3.500 6h13M3.500 10h13M3.500 14h13",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 2v2M10 16v2M2 10h2M16 10h2M4.300 4.300l1.400 1.400M14.300 14.300l1.400 1.400M15.700 4.300l-1.400 1.400M5.700 14.300l-1.400 1.400",
  moon: "M16 12.200A6.500 6.500 0 0 1 7.800 4 6.500 6.500 0 1 0 16 12.200z",
  screen: "M3 4.500h14v9H3zM7 16.500h6",
  person: "M10 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 17c0-3.500 2.500-5.500 6-5.500s6 2 6 5.500",
  search: "M9 14.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM13 13l4 4",
  copy: "M7 7h9v9H7zM4 13V4h9",
  check: "M4 10.500 8 14.500l8-9",
  warning: "M10 3.500 17.500 16.500h-15zM10 8.500v4M10 14.300v.400",
  pause: "M7 4.500v11M13 4.500v11",
  play: "M6 4.500l9.500 5.500L6 15.500z",
  stop: "M5.500 5.500h9v9h-9z",
  upload: "M10 13V4M6 8l4-4 4 4M4 13.500v3h12v-3",
  right: "M8 5l5 5-5 5",
  left: "M12 5l-5 5 5 5",
  trash: "M4 6h12M8 6V4h4v2M5.500 6l.700 10.500h7.600L14.500 6",
  signature: "M3.500 15.500h13M4.500 12.500c2-7 4-9.500 5-8.500s-2.500 8.500-1 8.500 2-3 3-3 .5 2.500 1.500 2.500 1.500-1 2.500-1",
  plus: "M10 4v12M4 10h12",
  question: "M7.500 7.500a2.500 2.500 0 1 1 3.600 2.200c-.800.400-1.100.900-1.100 1.800M10 14.500v.300",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth={1.6} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
