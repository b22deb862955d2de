import * as core from "old:@copilotkit/react-core";
import * as next from "old:@copilotkit/react-core/v2";
import { TextMessage } from "old:@copilotkit/runtime-client-gql";
import * as ui from "react-ui-154";
import "react-ui-154/styles.css";
import { classic } from "./classic";

classic(core, ui, next, TextMessage);
