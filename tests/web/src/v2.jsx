import { useState } from "react";
import {
  CopilotChat,
  CopilotKitProvider,
  CopilotSidebar,
  useAgent,
  useAgentContext,
  useConfigureSuggestions,
  useCopilotKit,
  useFrontendTool,
  useHumanInTheLoop,
  useInterrupt,
  useRenderTool,
  useThreads,
} from "@copilotkit/react-core/v2";
import { z } from "zod";
import "@copilotkit/react-core/v2/styles.css";
import { Card, Conversation, Items, Json, Messages, Question } from "./page";
import { connection, has, log, logError, settings, show } from "./page";

const agentId = settings.agent ?? "default";
const any = z.record(z.string(), z.unknown());

function Readable() {
  const [value, setValue] = useState(settings.readable);
  useAgentContext({ description: "Current record", value });
  return <Question kind="readable" label={JSON.stringify(value)} answers={{ change: () => setValue("changed") }} />;
}

function Action() {
  const [items, setItems] = useState([]);
  useFrontendTool({
    name: "addItem",
    description: "Add an item to the list on the page",
    parameters: z.object({
      title: z.string().describe("Title"),
      quantity: z.number().optional(),
      priority: z.enum(["low", "medium", "high"]).optional(),
    }),
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
  useHumanInTheLoop({
    name: "confirmPlan",
    description: "Ask the user to confirm a plan",
    parameters: z.object({ plan: z.string() }),
    render: ({ status, args, result, respond }) => {
      const answer = (value) => () => {
        log("respond", { value });
        respond(value);
      };
      const answers = { yes: respond && answer({ confirmed: true }), no: respond && answer({ confirmed: false }) };
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
  useRenderTool({
    name,
    parameters: any,
    render: ({ status, toolCallId, parameters, result }) => (
      <Card name={name} id={toolCallId} args={parameters} {...{ status, result }} />
    ),
  });
  return null;
}

function Wildcard() {
  useRenderTool({
    name: "*",
    parameters: any,
    render: ({ name, status, toolCallId, parameters, result }) => (
      <Card kind="any" id={toolCallId} args={parameters} {...{ name, status, result }} />
    ),
  });
  return null;
}

function Interrupt() {
  useInterrupt({
    agentId,
    render: ({ event, interrupts, resolve, cancel }) => {
      const answers = (id) => {
        const done = (kind, run) => () => {
          log(kind, { id });
          void run();
        };
        return {
          yes: done("resolve", () => resolve({ approved: true }, id)),
          no: done("resolve", () => resolve({ approved: false }, id)),
          cancel: done("cancel", () => cancel(id)),
        };
      };
      const open = interrupts.length ? interrupts : [{ message: event.value?.message, event }];
      return (
        <div>
          {open.map((interrupt, index) => {
            const data = { "data-id": interrupt.id, "data-event": JSON.stringify(interrupt) };
            return (
              <Question key={index} kind="interrupt" label={interrupt.message} answers={answers(interrupt.id)} {...data} />
            );
          })}
        </div>
      );
    },
  });
  return null;
}

function Suggest() {
  const suggestions = settings.suggestions.map((message) => ({ title: message, message }));
  useConfigureSuggestions({ suggestions, available: "always" });
  return null;
}

function SuggestByModel() {
  const { instructions } = settings;
  useConfigureSuggestions({ instructions, minSuggestions: 1, maxSuggestions: 2, available: "always" });
  return null;
}

function SharedState() {
  const { agent } = useAgent({ agentId });
  const change = () => agent.setState({ ...agent.state, fromPage: true });
  return (
    <div>
      <Question kind="agent" data-running={agent.isRunning} label="" answers={{ change }} />
      <Json id="state" value={agent.state} />
    </div>
  );
}

function Threads({ open }) {
  const limit = settings.limit ? { limit: settings.limit } : {};
  const includeArchived = has("archived");
  const held = useThreads({ agentId, includeArchived, ...limit });
  const attempt = (name, act) => () => act().then(() => log(name), logError);
  return (
    <section data-testid="threads" data-loading={held.isLoading} data-more={held.hasMoreThreads}>
      {(held.error ?? held.listError) && <p data-testid="threads-error">{(held.error ?? held.listError).message}</p>}
      {held.threads.map(({ id, name, archived }) => (
        <p key={id} data-testid="thread" data-id={id} data-archived={archived}>
          <button onClick={() => open(id)}>{name ?? id}</button>
          <button onClick={attempt("rename", () => held.renameThread(id, "Renamed"))}>rename</button>
          <button onClick={attempt("archive", () => held.archiveThread(id))}>archive</button>
          <button onClick={attempt("unarchive", () => held.unarchiveThread(id))}>unarchive</button>
          <button onClick={attempt("delete", () => held.deleteThread(id))}>delete</button>
        </p>
      ))}
      <button onClick={() => held.fetchMoreThreads()}>more</button>
      <button onClick={() => held.refetchThreads()}>refetch</button>
      <button onClick={() => open(undefined)}>new</button>
    </section>
  );
}

/** A chat of one's own on `useAgent`. */
function Chat() {
  const { agent } = useAgent({ agentId });
  const { copilotkit } = useCopilotKit();
  const send = (content) => {
    agent.addMessage({ id: crypto.randomUUID(), role: "user", content });
    return copilotkit.runAgent({ agent }).catch(logError);
  };
  const stop = () => copilotkit.stopAgent({ agent });
  return <Conversation messages={agent.messages} isLoading={agent.isRunning} send={send} stop={stop} />;
}

function Page() {
  const [threadId, open] = useState(settings.threadId);
  const chat = { ...(threadId ? { threadId } : {}), ...(settings.agent ? { agentId } : {}) };
  const key = threadId ?? "new";
  return (
    <CopilotKitProvider {...connection} enableInspector={false} onError={logError}>
      {has("readable") && <Readable />}
      {has("action") && <Action />}
      {has("hitl") && <Wait />}
      {has("render") && settings.rendered.map((name) => <Rendered key={name} name={name} />)}
      {has("wildcard") && <Wildcard />}
      {has("interrupt") && <Interrupt />}
      {has("suggest") && <Suggest />}
      {has("suggest-model") && <SuggestByModel />}
      {has("state") && <SharedState />}
      {has("threads") && <Threads open={open} />}
      {has("messages") && <Messages {...{ useAgent, useCopilotKit, agentId }} />}
      {settings.ui === "own" && <Chat />}
      {settings.ui === "sidebar" && <CopilotSidebar key={key} {...chat} defaultOpen />}
      {!settings.ui && (
        <div style={{ height: "70vh" }}>
          <CopilotChat key={key} {...chat} />
        </div>
      )}
    </CopilotKitProvider>
  );
}

show(<Page />);
