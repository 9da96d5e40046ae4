import { deploymentCases } from "./deployments.mjs";
import { deviceCases } from "./devices.mjs";
import { doorCases } from "./door.mjs";
import { enrolmentCases } from "./enrolment.mjs";
import { frameCases } from "./frame.mjs";
import { groupCases } from "./groups.mjs";
import { hawkbitCases } from "./hawkbit.mjs";
import { liveCases } from "./live.mjs";
import { releaseCases } from "./releases.mjs";
import { rolloutCases } from "./rollouts.mjs";
import { settingsCases } from "./settings.mjs";
import { signOnCases } from "./sign_on.mjs";
import { tenantCases } from "./tenants.mjs";

// Name: what it proves. options: of the page; fresh: the server has not been set up; loggedOut: nobody has logged in.
export const cases = { ...doorCases, ...frameCases, ...deviceCases, ...groupCases, ...liveCases, ...releaseCases, ...rolloutCases, ...deploymentCases, ...enrolmentCases, ...hawkbitCases, ...settingsCases, ...signOnCases, ...tenantCases };
