// Reads [{name, body, messages?, state?, resume?, interrupts?}] on stdin: each `body` is the text of one
// AG-UI response. Runs it through the public client of two AG-UI versions, the oldest and the newest that
// must understand it, and prints {name: {version: {ok, error?, ended, events, interrupts, messages, state, warnings}}}.
// `messages`, `state` and `interrupts` are what the client holds before the run.
import { text } from "node:stream/consumers";
import * as v059 from "ag-ui-059";
import * as v100 from "ag-ui-100";

const VERSIONS = { "0.0.59": v059, "1.0.0": v100 };
const TERMINAL = ["RUN_FINISHED", "RUN_ERROR"];
let heard = [];
for (const level of ["log", "info", "debug", "warn", "error"]) {
  console[level] = (...words) => heard.push([level, words.map((word) => String(word?.message ?? word)).join(" ")]);
}

async function run({ HttpAgent }, { body, messages = [], state = {}, resume, interrupts = [] }) {
  heard = [];
  const events = [];
  const headers = { "content-type": "text/event-stream" };
  const agent = new HttpAgent({
    url: "http://test.invalid/",
    threadId: "thread",
    initialMessages: messages,
    initialState: state,
    fetch: async () => new Response(body, { headers }),
  });
  agent.pendingInterrupts = interrupts;
  let error;
  try {
    await agent.runAgent({ runId: "run", resume }, { onEvent: ({ event }) => void events.push(event.type) });
    if (events.length && !TERMINAL.includes(events.at(-1))) error = `the stream ended after ${events.at(-1)}`;
  } catch (thrown) {
    error = String(thrown?.message ?? thrown);
  }
  return {
    ok: error === undefined,
    error,
    ended: events.findLast((type) => TERMINAL.includes(type)) ?? null,
    events,
    interrupts: agent.pendingInterrupts,
    messages: agent.messages,
    state: agent.state,
    warnings: heard.filter(([level]) => level === "warn").map(([, words]) => words),
  };
}

const results = {};
for (const given of JSON.parse(await text(process.stdin))) {
  results[given.name] = {};
  for (const [version, client] of Object.entries(VERSIONS)) results[given.name][version] = await run(client, given);
}
process.stdout.write(`${JSON.stringify(results)}\n`);
