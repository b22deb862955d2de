// A page of the v1 API, for any version of it: `core` is react-core, `ui` react-ui, `next` react-core/v2
// and `TextMessage` of runtime-client-gql.
import { useState } from "react";
import { Card, Conversation, CoreErrors, Items, Json, Messages, Question } from "./page";
import { connection, has, log, logError, settings, show } from "./page";

export function classic(core, ui, next, TextMessage) {
  const { CopilotKit, useCoAgent, useCopilotAction, useCopilotChat, useCopilotChatSuggestions } = core;
  const { useCopilotReadable, useLangGraphInterrupt } = core;
  const agent = settings.agent ?? "default";

  function Readable() {
    const [value, setValue] = useState(settings.readable);
    useCopilotReadable({ description: "Current record", value });
    return <Question kind="readable" label={JSON.stringify(value)} answers={{ change: () => setValue("changed") }} />;
  }

  function Action() {
    const [items, setItems] = useState([]);
    useCopilotAction({
      name: "addItem",
      description: "Add an item to the list on the page",
      parameters: [
        { name: "title", type: "string", description: "Title", required: true },
        { name: "quantity", type: "number", required: false },
        { name: "priority", type: "string", enum: ["low", "medium", "high"], required: false },
      ],
      ...(settings.followUp === undefined ? {} : { followUp: settings.followUp }),
      handler: async (args) => {
        log("handler", { name: "addItem", args });
        if (args.title === "fail") throw new Error("The item cannot be added");
        setItems((before) => [...before, args.title]);
        return { added: args.title };
      },
      render: ({ status, args, result }) => <Card name="addItem" {...{ status, args, result }} />,
    });
    return <Items items={items} />;
  }

  function Wait() {
    useCopilotAction({
      name: "confirmPlan",
      description: "Ask the user to confirm a plan",
      parameters: [{ name: "plan", type: "string", required: true }],
      renderAndWaitForResponse: ({ status, args, result, respond }) => {
        const answer = (value) => () => {
          log("respond", { value });
          respond(value);
        };
        const open = status === "executing" && respond;
        const answers = { yes: open && answer({ confirmed: true }), no: open && answer({ confirmed: false }) };
        return (
          <Card kind="wait" name="confirmPlan" {...{ status, args, result }}>
            <Question kind="hitl" label={args?.plan} answers={answers} />
          </Card>
        );
      },
    });
    return null;
  }

  function Rendered({ name }) {
    useCopilotAction({
      name,
      available: "disabled",
      parameters: [],
      render: ({ status, args, result }) => <Card name={name} {...{ status, args, result }} />,
    });
    return null;
  }

  function Wildcard() {
    useCopilotAction({
      name: "*",
      render: ({ name, status, args, result }) => <Card kind="any" {...{ name, status, args, result }} />,
    });
    return null;
  }

  function Interrupt() {
    useLangGraphInterrupt({
      render: ({ event, resolve }) => {
        const answer = (value) => () => {
          log("resolve", { value });
          resolve(value);
        };
        const label = typeof event.value === "string" ? event.value : (event.value?.message ?? "");
        const answers = { yes: answer({ approved: true }), no: answer({ approved: false }) };
        return <Question kind="interrupt" data-event={JSON.stringify(event)} label={label} answers={answers} />;
      },
    });
    return null;
  }

  function Suggest() {
    const suggestions = settings.suggestions.map((message) => ({ title: message, message }));
    useCopilotChatSuggestions({ suggestions, available: "always" });
    return null;
  }

  function SuggestByModel() {
    const { instructions } = settings;
    useCopilotChatSuggestions({ instructions, minSuggestions: 1, maxSuggestions: 2, available: "always" });
    return null;
  }

  function SharedState() {
    const { state, setState, running, nodeName } = useCoAgent({ name: agent });
    const change = () => setState({ ...state, fromPage: true });
    return (
      <div>
        <Question kind="agent" data-running={running} data-node={nodeName} label="" answers={{ change }} />
        <Json id="state" value={state} />
      </div>
    );
  }

  /** A chat of one's own on `useCopilotChat`, which has lost its `visibleMessages`: they come from the agent. */
  function Chat() {
    const { appendMessage, reloadMessages, stopGeneration, isLoading } = useCopilotChat();
    const { messages } = next.useAgent({ agentId: agent }).agent;
    const send = (content) => appendMessage(new TextMessage({ role: "user", content }));
    return <Conversation {...{ messages, send, isLoading }} stop={stopGeneration} again={reloadMessages} />;
  }

  const thread = settings.threadId ? { threadId: settings.threadId } : {};
  const named = settings.agent ? { agent: settings.agent } : {};
  show(
    <CopilotKit {...connection} {...thread} {...named} showDevConsole={false} enableInspector={false} onError={logError}>
      <CoreErrors useCopilotKit={next.useCopilotKit} />
      {has("readable") && <Readable />}
      {has("action") && <Action />}
      {has("hitl") && <Wait />}
      {has("render") && settings.rendered.map((name) => <Rendered key={name} name={name} />)}
      {has("wildcard") && <Wildcard />}
      {has("interrupt") && <Interrupt />}
      {has("suggest") && <Suggest />}
      {has("suggest-model") && <SuggestByModel />}
      {has("state") && <SharedState />}
      {has("messages") && <Messages useAgent={next.useAgent} useCopilotKit={next.useCopilotKit} agentId={agent} />}
      {settings.ui === "own" && <Chat />}
      {!settings.ui && <ui.CopilotSidebar defaultOpen clickOutsideToClose={false} labels={{ initial: "Hello!" }} />}
    </CopilotKit>,
  );
}
