import { Page } from "../../parts/Page";
import { Tokens } from "./Tokens";
import { Waiting } from "./Waiting";

export function Enrolment() {
  return (
    <Page title="Enrolment" lead="How devices come in: with a one-time token, or by asking and being accepted here.">
      <Waiting />
      <Tokens />
    </Page>
  );
}
