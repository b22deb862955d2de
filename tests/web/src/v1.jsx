import * as core from "@copilotkit/react-core";
import * as next from "@copilotkit/react-core/v2";
import * as ui from "@copilotkit/react-ui";
import { TextMessage } from "@copilotkit/runtime-client-gql";
import "@copilotkit/react-ui/styles.css";
import { classic } from "./classic";

classic(core, ui, next, TextMessage);
