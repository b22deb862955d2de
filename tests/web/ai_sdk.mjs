// Drives POST {base}/v1/ai-sdk with the chat class and the transport that every `useChat` stands on.
//
//   node ai_sdk.mjs BASE KEY MESSAGE...          each message is a turn
//   echo '{"base": .., "turns": [..]}' | node ai_sdk.mjs
//
// Members on stdin: base, key, path?, id?, messages? (UI messages held before), turns: a text, {text?, files?},
// {regenerate: true} or {resume: true}; tools? {name: output} are answered by the client, approve? answers approvals
// with true or false, reason? with why; headers?, body? (further members of the request).
// Prints {id, status, finishReason, messages, data, requests, answers}; a stream or an answer that the client does
// not accept ends it with exit code 1 and the error on stderr (the same JSON is printed all the same).
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AbstractChat,
  DefaultChatTransport,
  getToolName,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
} from "ai";

class State {
  status = "ready";
  error = undefined;
  messages = [];
  constructor(messages) {
    this.messages = messages;
  }
  pushMessage = (message) => void (this.messages = [...this.messages, message]);
  popMessage = () => void (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index, message) => void (this.messages = this.messages.with(index, structuredClone(message)));
  snapshot = (value) => structuredClone(value);
}

class Chat extends AbstractChat {
  constructor({ messages = [], ...init }) {
    super({ ...init, state: new State(messages) });
  }
}

const [base, key, ...turns] = process.argv.slice(2);
const given = { path: "/v1/ai-sdk", ...(base ? { base, key, turns } : JSON.parse(await text(process.stdin))) };
const requests = [];
const answers = [];
const data = [];
let finishReason;

const transport = new DefaultChatTransport({
  api: given.base.replace(/\/$/, "") + given.path,
  headers: { ...(given.key ? { Authorization: `Bearer ${given.key}` } : {}), ...given.headers },
  body: given.body,
  fetch: async (url, init) => {
    if (requests.length > 20) throw new Error("the client does not stop sending");
    requests.push({ method: init.method, url, headers: init.headers, body: init.body && JSON.parse(init.body) });
    const response = await fetch(url, init);
    answers.push({ status: response.status, headers: Object.fromEntries(response.headers) });
    return response;
  },
});

const chat = new Chat({
  ...(given.id ? { id: given.id } : {}),
  messages: given.messages,
  transport,
  onData: (part) => data.push(part),
  onFinish: (finished) => (finishReason = finished.finishReason),
  onToolCall: ({ toolCall: { toolName: tool, toolCallId } }) => {
    if (given.tools && tool in given.tools) void chat.addToolOutput({ tool, toolCallId, output: given.tools[tool] });
  },
  sendAutomaticallyWhen: (held) =>
    lastAssistantMessageIsCompleteWithToolCalls(held) || lastAssistantMessageIsCompleteWithApprovalResponses(held),
});

async function turn(wanted) {
  if (wanted.regenerate) await chat.regenerate();
  else if (wanted.resume) await chat.resumeStream();
  else await chat.sendMessage(typeof wanted === "string" ? { text: wanted } : wanted);
}

/** Until nothing runs; an answered tool or approval starts the next request by itself, a moment later. */
async function settle() {
  for (;;) {
    await sleep(20);
    if (chat.status === "submitted" || chat.status === "streaming") continue;
    const open = chat.messages.flatMap(({ parts }) => parts).filter((part) => part.state === "approval-requested");
    if (!open.length || given.approve === undefined || chat.status === "error") return;
    const { approve: approved, reason } = given;
    for (const { approval } of open) await chat.addToolApprovalResponse({ id: approval.id, approved, reason });
  }
}

for (const wanted of given.turns ?? []) {
  await turn(wanted);
  await settle();
  if (chat.status === "error") break;
}

const tools = chat.messages.flatMap(({ parts }) => parts.filter(isToolUIPart));
const states = Object.fromEntries(tools.map((part) => [part.toolCallId, `${getToolName(part)}: ${part.state}`]));
const { id, status, messages } = chat;
const told = { id, status, finishReason: finishReason ?? null, messages, tools: states, data, requests, answers };
process.stdout.write(`${JSON.stringify(told)}\n`);
if (chat.error) {
  process.stderr.write(`${chat.error.message}\n`);
  process.exitCode = 1;
}
