/** What the chat shows for tool calls and for approvals. */
import { useChatContext } from "@copilotkit/react-ui";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import type { CrmRecord, Field, Module, Receipt as Written } from "./api";
import { go, hrefOf, pageAt } from "./place";
import type { Page } from "./place";
import { Icon, label, moduleNamed, text, useApp, Value } from "./ui";

/** Below this width the chat covers the page. */
export const WIDE = 1100;

type Json = Record<string, unknown>;

export interface ToolCall {
  name: string;
  toolCallId: string;
  status: "inProgress" | "executing" | "complete";
  parameters: unknown;
  result: string | undefined;
}

interface CardProps {
  call: ToolCall;
  args: Json;
  result: Json;
}

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const isRecord = (value: unknown): value is CrmRecord => isJson(value) && typeof value.id === "string";

function parsed(result: string | undefined): Json {
  try {
    const value: unknown = JSON.parse(result ?? "{}");
    return isJson(value) ? value : { message: text(value) };
  } catch {
    return { success: !result?.startsWith("Error"), message: result };
  }
}

const dataOf = (result: Json): Json => (isJson(result.data) ? result.data : result);

const CARDS: Record<string, (props: CardProps) => ReactNode> = {
  queryRecords: RecordList,
  searchRecords: RecordList,
  showTasks: RecordList,
  draftEmail: EmailPreview,
  createRecord: Receipt,
  createMultipleRecords: Receipt,
  updateRecord: Receipt,
  updateRecords: Receipt,
  deleteRecords: Receipt,
};

export function ToolCard(call: ToolCall) {
  const args = isJson(call.parameters) ? call.parameters : {};
  const result = parsed(call.result);
  const Card = CARDS[call.name];
  if (call.status !== "complete" || result.success === false || !Card) return <Line {...{ call, args, result }} />;
  return <Card {...{ call, args, result }} />;
}

/** Goes to a page from the chat, which makes room where it covers the page. */
export function useGoFromChat() {
  const { setOpen } = useChatContext();
  return (page: Page) => {
    go(page);
    if (window.innerWidth < WIDE) setOpen(false);
  };
}

/** A tool call in one line: without an answer yet, failed, or without a card of its own. */
function Line({ call, result }: CardProps) {
  const failed = result.success === false;
  return (
    <div className="line" data-failed={failed || undefined} data-status={call.status}>
      {call.status === "complete" ? <Icon name={failed ? "cross" : "check"} /> : <span className="spinner" />}
      <span>{label(call.name)}</span>
      {typeof result.message === "string" && <span className="soft">{result.message}</span>}
    </div>
  );
}

/* ---- Records ---- */

const SHOWN = 5;

function RecordList({ call, args, result }: CardProps) {
  const { api, modules, threadId } = useApp();
  const [all, setAll] = useState(false);
  const open = useGoFromChat();
  const data = dataOf(result);
  const records = (Array.isArray(data.records) ? data.records : []).filter(isRecord);
  if (!records.length) return <Line {...{ call, args, result }} />;

  const module = moduleNamed(modules, String(data.module ?? args.module ?? ""));
  const total = typeof data.total === "number" ? data.total : records.length;
  const moduleOf = (record: CrmRecord) => moduleNamed(modules, String(record.module ?? "")) ?? module;

  function click(record: CrmRecord) {
    const slug = moduleOf(record)?.slug;
    if (slug) open({ type: "moduleRecord", slug, id: record.id });
    void api.clicked(threadId, call.toolCallId, "onTaskClick", { id: record.id });
  }
  return (
    <section className="card">
      <header>
        <strong>{module?.name ?? "Records"}</strong>
        <span className="soft">{total > records.length ? `${records.length} of ${text(total)}` : total}</span>
      </header>
      <ul>
        {records.slice(0, all ? undefined : SHOWN).map((record) => (
          <li key={record.id}>
            <button type="button" className="row" onClick={() => click(record)}>
              <span className="name">{record.title ?? record.id}</span>
              <Facts record={record} module={moduleOf(record)} kind={module ? undefined : moduleOf(record)?.singular} />
            </button>
          </li>
        ))}
      </ul>
      {!all && records.length > SHOWN && (
        <button type="button" className="more" onClick={() => setAll(true)}>
          Show {records.length - SHOWN} more
        </button>
      )}
    </section>
  );
}

interface FactsProps {
  record: CrmRecord;
  module: Module | undefined;
  /** What the record is, in a list of several kinds. */
  kind: string | undefined;
}

/** The few values that tell records apart: one of each type that does. */
function Facts({ record, module, kind }: FactsProps) {
  const order = ["enum", "date", "user", "number", "currency"];
  const fields = (module?.fields ?? [])
    .filter((field) => field.name !== module?.titleField)
    .filter((field) => order.includes(field.type) && record[field.name] != null)
    .sort((one, other) => order.indexOf(one.type) - order.indexOf(other.type))
    .filter((field, place, sorted) => sorted[place - 1]?.type !== field.type)
    .slice(0, 3);
  return (
    <span className="facts">
      {kind && <span>{label(kind)}</span>}
      {fields.map((field: Field) => (
        <span key={field.name}>
          <Value values={record} field={field} />
        </span>
      ))}
    </span>
  );
}

/* ---- What a write did ---- */

function Receipt({ call, args, result }: CardProps) {
  const { modules } = useApp();
  const open = useGoFromChat();
  const page = typeof result.link === "string" ? pageAt(result.link) : undefined;
  const slug = args.module ?? (page && "slug" in page ? page.slug : "");
  const fields = moduleNamed(modules, String(slug))?.fields ?? [];
  const values = isJson(args.fields) ? args.fields : {};
  const data = dataOf(result);
  const several = [data.records, data.results].find(Array.isArray) ?? [];
  const titles = several.filter(isJson).map((one) => String(one.title ?? one.message ?? one.id));
  return (
    <section className="card receipt" data-action={call.name}>
      <header>
        <Icon name="check" />
        <strong>{typeof result.message === "string" ? result.message : label(call.name)}</strong>
      </header>
      {Object.keys(values).length > 0 && (
        <dl>
          {Object.entries(values).map(([name, value]) => {
            const field = fields.find((one) => one.name === name);
            return (
              <div key={name}>
                <dt>{label(name)}</dt>
                <dd>{field ? <Value values={values} field={field} /> : text(value)}</dd>
              </div>
            );
          })}
        </dl>
      )}
      {titles.length > 1 && (
        <ul>
          {titles.slice(0, SHOWN).map((title, place) => (
            <li key={place}>{title}</li>
          ))}
          {titles.length > SHOWN && <li className="soft">and {titles.length - SHOWN} more</li>}
        </ul>
      )}
      <footer>
        {page && (
          <button type="button" className="more" onClick={() => open(page)}>
            Open <Icon name="arrow" />
          </button>
        )}
        <Undo toolCallId={call.toolCallId} />
      </footer>
    </section>
  );
}

/** The way back of a write, where there is one. */
function Undo({ toolCallId }: { toolCallId: string }) {
  const { api, threadId, changed } = useApp();
  const [receipt, setReceipt] = useState<Written>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let shown = true;
    api.receipt(threadId, toolCallId).then((found) => shown && setReceipt(found), () => undefined);
    return () => void (shown = false);
  }, [api, threadId, toolCallId]);
  async function undo(id: string) {
    try {
      setReceipt(await api.undo(id));
      changed(undefined);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }
  if (problem) return <span className="soft">{problem}</span>;
  if (!receipt) return null;
  if (receipt.undoneAt) return <span className="soft">Undone</span>;
  if (!receipt.reversible) return <span className="soft">Cannot be undone</span>;
  return (
    <button type="button" onClick={() => void undo(receipt.id)}>
      Undo
    </button>
  );
}

/* ---- An e-mail ---- */

function EmailPreview({ call, args, result }: CardProps) {
  const { api, threadId } = useApp();
  const data = dataOf(result);
  const [mail, setMail] = useState({ subject: String(data.subject ?? ""), body: String(data.body ?? "") });
  const [state, setState] = useState<"shown" | "edited" | "sent" | "refused">("shown");
  if (typeof data.body !== "string") return <Line {...{ call, args, result }} />;

  async function send() {
    setState((await api.clicked(threadId, call.toolCallId, "onSend", mail)) ? "sent" : "refused");
  }
  function edited() {
    setState("shown");
    void api.clicked(threadId, call.toolCallId, "onEdit", mail);
  }
  const mailto = `mailto:?subject=${encodeURIComponent(mail.subject)}&body=${encodeURIComponent(mail.body)}`;
  return (
    <section className="card email">
      <header>
        <Icon name="mail" />
        <strong>E-mail draft</strong>
      </header>
      {state === "edited" ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            edited();
          }}
        >
          <input
            aria-label="Subject"
            value={mail.subject}
            onChange={(event) => setMail({ ...mail, subject: event.target.value })}
          />
          <textarea
            aria-label="Text"
            rows={8}
            value={mail.body}
            onChange={(event) => setMail({ ...mail, body: event.target.value })}
          />
          <footer>
            <button type="submit" className="primary">
              Keep
            </button>
          </footer>
        </form>
      ) : (
        <>
          <p className="subject">{mail.subject}</p>
          <p className="body">{mail.body}</p>
          {Array.isArray(data.notes) && <p className="notes soft">{data.notes.map(text).join(" ")}</p>}
          <footer>
            {state === "sent" && <span className="soft">Handed over for sending.</span>}
            {state === "refused" && (
              <span className="soft">
                No mail service here. <a href={mailto}>Open in your mail program</a>
              </span>
            )}
            {state === "shown" && (
              <>
                <button type="button" className="primary" onClick={send}>
                  Send
                </button>
                <button type="button" onClick={() => setState("edited")}>
                  Edit
                </button>
              </>
            )}
          </footer>
        </>
      )}
    </section>
  );
}

/* ---- An approval ---- */

interface Approval {
  message?: string;
  metadata?: Record<string, unknown>;
}

export function ApprovalCard({ interrupt, answer }: { interrupt: Approval; answer: (approved: boolean) => void }) {
  const [answered, setAnswered] = useState(false);
  const given = interrupt.metadata?.calls;
  const calls = Array.isArray(given) ? given.filter(isJson) : [];
  const message = interrupt.message?.split("\n", 1)[0]?.replace(/:$/, "") || "This needs your approval";
  function decide(approved: boolean) {
    setAnswered(true);
    answer(approved);
  }
  return (
    <section className="card approval">
      <header>
        <Icon name="shield" />
        <strong>{message}</strong>
      </header>
      {calls.map((call, place) => (
        <Planned key={String(call.callId ?? place)} call={call} />
      ))}
      <footer>
        <button type="button" className="primary" disabled={answered} onClick={() => decide(true)}>
          Approve
        </button>
        <button type="button" disabled={answered} onClick={() => decide(false)}>
          Reject
        </button>
      </footer>
    </section>
  );
}

/** A call that waits: what it would do, or else its arguments. */
function Planned({ call }: { call: Json }) {
  const { modules } = useApp();
  const args = isJson(call.arguments) ? call.arguments : {};
  const module = moduleNamed(modules, String(args.module ?? ""));
  return (
    <div className="planned">
      <strong>{String(call.title ?? label(String(call.action ?? "")))}</strong>
      {isJson(call.preview) ? (
        <Foreseen preview={call.preview} fields={module?.fields ?? []} />
      ) : (
        <dl>
          {Object.entries(args).map(([name, value]) => (
            <div key={name}>
              <dt>{label(name)}</dt>
              <dd>{name === "module" ? (module?.name ?? text(value)) : text(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {call.reversible === false && <p className="final">This cannot be undone.</p>}
    </div>
  );
}

/** Record by record: what would be different, or the values of one that would be new or gone. */
function Foreseen({ preview, fields }: { preview: Json; fields: Field[] }) {
  const changes = Array.isArray(preview.changes) ? preview.changes.filter(isJson) : [];
  const shown = changes.slice(0, SHOWN);
  const more = Number(preview.rows ?? changes.length) - shown.length;
  return (
    <>
      <p>{text(preview.summary)}</p>
      <ul>
        {shown.map((change, place) => (
          <li key={place}>
            <strong>{text(change.title)}</strong>
            <dl>
              {Object.entries(isJson(change.fields) ? change.fields : {}).map(([name, sides]) => (
                <div key={name}>
                  <dt>{label(name)}</dt>
                  <dd>
                    <Sides name={name} sides={isJson(sides) ? sides : { after: sides }} fields={fields} />
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
        {more > 0 && <li className="soft">and {text(more)} more</li>}
      </ul>
    </>
  );
}

function Sides({ name, sides, fields }: { name: string; sides: Json; fields: Field[] }) {
  const field = fields.find((one) => one.name === name);
  const [first, second] = ["before", "after"]
    .filter((side) => side in sides)
    .map((side) => (field ? <Value values={{ [name]: sides[side] }} field={field} /> : text(sides[side])));
  return (
    <>
      {first}
      {second !== undefined && <> → {second}</>}
    </>
  );
}

/* ---- A choice ---- */

interface Candidate {
  id: string;
  label: string;
}

interface ChoiceCardProps {
  question?: string;
  options?: Partial<Candidate>[];
  chosen?: unknown;
  respond?: (answer: unknown) => void;
}

export function ChoiceCard({ question, options, chosen, respond }: ChoiceCardProps) {
  const chosenId = isJson(chosen) ? chosen.id : undefined;
  return (
    <section className="card">
      <header>
        <strong>{question || "Which one?"}</strong>
      </header>
      <ul>
        {(options ?? [])
          .filter((option): option is Candidate => Boolean(option.id && option.label))
          .map((option) => (
            <li key={option.id}>
              <button
                type="button"
                className="row"
                disabled={!respond}
                aria-pressed={option.id === chosenId}
                onClick={() => respond?.({ id: option.id, label: option.label })}
              >
                <span className="name">{option.label}</span>
                {option.id === chosenId && <Icon name="check" />}
              </button>
            </li>
          ))}
      </ul>
      {respond && (
        <button type="button" className="more" onClick={() => respond({ cancelled: true })}>
          None of these
        </button>
      )}
    </section>
  );
}

/** Links in the copilot's text: those to records open on this page. */
export function ChatLink({ href, children }: { href?: string; children?: ReactNode }) {
  const open = useGoFromChat();
  const page = href?.startsWith("/modules/") ? pageAt(href) : undefined;
  if (!page) {
    return (
      <a className="copilotKitMarkdownElement" href={href} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
    );
  }
  return (
    <a
      className="copilotKitMarkdownElement"
      href={hrefOf(page)}
      onClick={(event) => {
        event.preventDefault();
        open(page);
      }}
    >
      {children}
    </a>
  );
}
