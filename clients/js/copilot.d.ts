/** Where the server is, and as whom to ask it. */
export interface At {
  /** The server's address; left out, the page's own. */
  url?: string;
  /** An API key or a JWT; left out where a proxy adds it. */
  key?: string;
  signal?: AbortSignal;
  fetch?: typeof globalThis.fetch;
}

/** How an answer is waited for. */
export interface Patience {
  /** New attempts, without anything heard in between, after which an answer is given up; 10. */
  tries?: number;
  /** Milliseconds before the attempt after so many failures. */
  pause?: (failures: number) => number;
}

export interface Wishes extends At, Patience {
  /** Your own name for the run: asking again under one name is answered with the first run. */
  runId?: string;
  /** One of the server's models. */
  model?: string;
  /** IANA name of the user's zone. */
  timezone?: string;
  /** While the conversation answers another message: refuse (409), wait, or stop that first. */
  onBusy?: 'reject' | 'queue' | 'interrupt';
}

export interface ChatOptions extends Wishes {
  message: string;
  /** From the `start` event; `null` begins a conversation. */
  conversationId?: string | null;
}

export interface AnswerOptions extends Wishes {
  threadId: string;
  /** Of the `ApprovalRequested` event. */
  questionId: string;
}

export interface RunOptions extends Wishes {
  message: string;
  /** A conversation that you do not have yet begins under that id. */
  threadId?: string;
  /** What the model may read, for this run only. */
  readables?: { description: string; value: unknown }[];
}

export interface FollowOptions extends At, Patience {
  runId: string;
  /** The sequence number after which to begin. */
  after?: number;
}

/** The six events of `POST /api/copilot/chat`. */
export type ChatEvent =
  | { type: 'start'; conversationId: string }
  | { type: 'tool_use'; tool: string; toolStatus: 'calling' | 'done' | 'error' }
  | { type: 'token'; content: string }
  | { type: 'sources'; sources: Source[] }
  | { type: 'done' }
  | { type: 'error'; error: string };

export interface Source {
  type: string;
  label: string;
}

export interface Message {
  id: string;
  role: 'user' | 'assistant' | 'tool' | 'system' | 'developer' | 'reasoning' | 'activity';
  content: string;
  toolCalls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
  toolCallId?: string;
}

export interface ProposedCall {
  callId: string;
  action: string;
  title: string;
  arguments: object;
  reason: string;
  [more: string]: unknown;
}

export interface Approval {
  id: string;
  question: string;
  calls: ProposedCall[];
  expiresAt: string;
  held: string[];
}

/** The events of a run, whatever the wire; docs/reference/events.md says what each means. */
export type DomainEvent =
  | { type: 'RunStarted'; runId: string; threadId: string }
  | { type: 'InputStored'; position: number }
  | { type: 'MessagesSnapshot'; messages: Message[] }
  | { type: 'StateSnapshot'; state: object }
  | { type: 'StateDelta'; patch: object[] }
  | { type: 'TextStarted'; messageId: string }
  | { type: 'TextDelta'; messageId: string; delta: string }
  | { type: 'TextEnded'; messageId: string }
  | { type: 'ToolCallStarted'; messageId: string; callId: string; name: string; client: boolean; render: object | null }
  | { type: 'ToolCallArguments'; callId: string; delta: string }
  | { type: 'ToolCallReady'; callId: string; name: string; arguments: object; client: boolean }
  | { type: 'ToolCallEnded'; callId: string; name: string; ok: boolean; result: object; messageId: string; credits: number }
  | { type: 'ReceiptIssued'; receiptId: string; callId: string; action: string; title: string; message: string; reversible: boolean; undone: boolean }
  | { type: 'Custom'; name: string; value: unknown }
  | { type: 'UiEvent'; callId: string; component: string; name: string; payload: object }
  | ({ type: 'ApprovalRequested' } & Approval)
  | { type: 'SourcesUsed'; sources: Source[] }
  | { type: 'RunFinished'; runId: string; threadId: string; waiting: Approval | null; clientCalls: string[]; stopped: boolean; model: string; usage: Record<string, number>; rounds: number; credits: number }
  | { type: 'RunFailed'; runId: string; threadId: string; code: string; message: string; usage: Record<string, number>; rounds: number; credits: number };

export interface Thread {
  id: string;
  title: string | null;
  createdAt: string;
  updatedAt: string;
  archived: boolean;
}

export interface ThreadOptions extends At {
  threadId: string;
}

export interface ThreadsOptions extends At {
  /** Only conversations with each of these words in their titles. */
  q?: string;
  archived?: boolean;
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export interface Conversation {
  messages: Message[];
  question: string | null;
  run: { id: string; status: string } | null;
}

type Told<Options, Event> = Options extends { onEvent: (event: Event) => void }
  ? Promise<Event>
  : AsyncGenerator<Event, void, undefined>;
type Heard<Options, Event> = Options & { onEvent?: (event: Event) => void };

export function chat<O extends Heard<ChatOptions, ChatEvent>>(options: O): Told<O, ChatEvent>;
export function run<O extends Heard<RunOptions, DomainEvent>>(options: O): Told<O, DomainEvent>;
export function approve<O extends Heard<AnswerOptions, DomainEvent>>(options: O): Told<O, DomainEvent>;
export function decline<O extends Heard<AnswerOptions, DomainEvent>>(options: O): Told<O, DomainEvent>;
export function follow<O extends Heard<FollowOptions, DomainEvent>>(options: O): Told<O, DomainEvent>;
export function stop(options: At & { runId: string }): Promise<boolean>;
export function threads(options: ThreadsOptions): Promise<{ threads: Thread[]; nextCursor: string | null }>;
export function conversation(options: ThreadOptions): Promise<Conversation>;
export function rename(options: ThreadOptions & { title: string }): Promise<Thread>;
export function archive(options: ThreadOptions & { archived?: boolean }): Promise<Thread>;
export function remove(options: ThreadOptions): Promise<void>;
export function fork(options: ThreadOptions & { messageId?: string }): Promise<Thread>;

export class CopilotError extends Error {
  /** The server's (docs/reference/errors.md), or `unreachable`, or `unexpected_answer`. */
  code: string;
  /** Of HTTP, where there was an answer. */
  status?: number;
  details: Record<string, unknown>;
  /** Seconds after which it may go better. */
  retryAfter?: number;
  /** Whether the same request may be answered a little later. */
  readonly passing: boolean;
  constructor(
    code: string,
    message: string,
    more?: { status?: number; details?: Record<string, unknown>; retryAfter?: number; cause?: unknown },
  );
}
