// What the three pages share: settings from the query string, the log that tests read, and plain HTML.
import { Component, useEffect } from "react";
import { createRoot } from "react-dom/client";

const query = new URLSearchParams(location.search);
const text = (name) => query.get(name) ?? undefined;
const json = (name) => (query.has(name) ? JSON.parse(query.get(name)) : undefined);
const flag = (name) => (query.has(name) ? ["1", "true"].includes(query.get(name)) : undefined);
const list = (name, otherwise = "") => (query.get(name) ?? otherwise).split(",").filter(Boolean);

const features = new Set(list("features"));
export const has = (feature) => features.has(feature);
export const settings = {
  ui: text("ui"),
  agent: text("agent"),
  threadId: text("threadId"),
  rendered: list("rendered", "createRecord"),
  readable: json("readable") ?? { recordId: "rec_abc123" },
  suggestions: list("suggestions", "What can you do?"),
  instructions: text("instructions") ?? "Suggest what to do next.",
  limit: Number(text("limit")) || undefined,
  followUp: flag("followUp"),
};

// The props that the providers of all three versions know; an absent one is left at its default.
const last = Number(text("last"));
const all = {
  runtimeUrl: text("runtimeUrl"),
  headers: query.has("key") ? { Authorization: `Bearer ${text("key")}` } : undefined,
  credentials: text("credentials"),
  properties: json("properties"),
  publicApiKey: text("publicApiKey"),
  useSingleEndpoint: flag("single"),
  messageFilter: last ? (messages) => messages.slice(-last) : undefined,
};
export const connection = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));

window.__log = [];
export function log(kind, data = {}) {
  window.__log.push({ kind, ...JSON.parse(JSON.stringify(data)) });
}
window.addEventListener("unhandledrejection", ({ reason }) => log("rejection", { message: String(reason) }));

export function logError({ error, code, context }) {
  log("error", { code: String(code ?? context?.request?.operation ?? ""), message: error?.message ?? String(error) });
}

/** Everything that the core reports, for a page whose `onError` is not always called. */
export function CoreErrors({ useCopilotKit }) {
  const { copilotkit } = useCopilotKit();
  useEffect(() => {
    const subscription = copilotkit.subscribe({ onError: logError });
    return () => (subscription.unsubscribe ? subscription.unsubscribe() : subscription());
  }, [copilotkit]);
  return null;
}

class Boundary extends Component {
  state = { error: null };
  static getDerivedStateFromError(error) {
    log("crash", { message: error.message });
    return { error };
  }
  render() {
    return this.state.error ? <p data-testid="crash">{this.state.error.message}</p> : this.props.children;
  }
}

export const show = (page) => createRoot(document.getElementById("root")).render(<Boundary>{page}</Boundary>);

export function Json({ id, value }) {
  return (
    <pre data-testid={id} style={{ whiteSpace: "pre-wrap", width: "60vw", maxHeight: "20vh", overflow: "auto" }}>
      {JSON.stringify(value ?? null)}
    </pre>
  );
}

/** What the agent on the page holds: messages, whether a run is open, whether the server has answered. */
export function Messages({ useAgent, useCopilotKit, agentId }) {
  const { agent } = useAgent({ agentId });
  const status = useCopilotKit().copilotkit.runtimeConnectionStatus;
  return (
    <section data-testid="held" data-status={status} data-running={agent.isRunning} data-thread={agent.threadId}>
      <Json id="messages" value={agent.messages} />
    </section>
  );
}

/** A tool call as a card; every change of its status is in the log. */
export function Card({ kind = "tool", name, id, status, args, result, children }) {
  useEffect(() => log("status", { card: kind, name, id, status, args, result }), [status]);
  const data = { "data-name": name, "data-status": status, "data-args": JSON.stringify(args ?? null) };
  return (
    <div data-testid={kind} {...data} data-result={result === undefined ? undefined : JSON.stringify(result)}>
      <b>{name}</b> <i>{status}</i> {children}
    </div>
  );
}

export function Question({ kind, label, answers, ...rest }) {
  return (
    <span data-testid={kind} {...rest}>
      {label}{" "}
      {Object.entries(answers).map(([answer, give]) => (
        <button key={answer} data-testid={`${kind}-${answer}`} disabled={!give} onClick={give}>
          {answer}
        </button>
      ))}
    </span>
  );
}

/** A chat without anything of the UI packages. */
export function Conversation({ messages, send, stop, again, isLoading }) {
  const submit = (event) => {
    event.preventDefault();
    const input = event.target.elements.message;
    if (input.value) void send(input.value);
    input.value = "";
  };
  return (
    <section data-testid="chat" data-loading={isLoading}>
      {messages.map(({ id, role, content }) => (
        <p key={id} data-testid="said" data-id={id} data-role={role}>
          {typeof content === "string" ? content : JSON.stringify(content)}
          {again && role === "assistant" && (
            <button data-testid="again" onClick={() => again(id)}>
              again
            </button>
          )}
        </p>
      ))}
      <form onSubmit={submit}>
        <input name="message" data-testid="message" aria-label="Message" />
        <button data-testid="send">Send</button>
        <button type="button" data-testid="stop" onClick={stop}>
          Stop
        </button>
      </form>
    </section>
  );
}

export function Items({ items }) {
  return (
    <ul data-testid="items">
      {items.map((item, index) => (
        <li key={index}>{item}</li>
      ))}
    </ul>
  );
}
