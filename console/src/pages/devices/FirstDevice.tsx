import { To } from "../../parts/To";

// Where a fleet begins.
export function FirstDevice() {
  return (
    <>
      <To to="/enrolment" underline="always">
        Let the first device in
      </To>
      , or{" "}
      <To to="/hawkbit" underline="always">
        register one that speaks hawkBit&apos;s protocol
      </To>
    </>
  );
}
