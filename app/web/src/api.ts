/** The server's plain HTTP side. The chat itself goes through CopilotKit. */

export interface Field {
  name: string;
  type: string;
  required?: boolean;
  options?: string[];
  /** Of a relation: the module it leads to. */
  module?: string;
}

export interface Module {
  slug: string;
  name: string;
  singular: string;
  titleField: string;
  fields: Field[];
  readOnly?: boolean;
}

export interface CrmRecord {
  id: string;
  title: string;
  [field: string]: unknown;
}

export interface Filter {
  field: string;
  op: string;
  value: string;
}

export interface Query {
  module: string;
  filters?: Filter[];
  sortBy?: string;
  sortOrder?: "asc" | "desc";
  limit?: number;
  offset?: number;
  fields?: string[];
}

export interface Found {
  total: number;
  records: CrmRecord[];
}

export interface Thread {
  id: string;
  title: string;
  updatedAt: string;
  archived?: boolean;
}

export interface ActionInfo {
  name: string;
  writes: boolean;
}

export interface Receipt {
  id: string;
  toolCallId: string;
  reversible: boolean;
  undoneAt: string | null;
}

/** Something that the user is told outside a conversation. */
export interface Notice {
  id: string;
  kind: string;
  title: string;
  body: string;
  /** May have the `link` of what it is about. */
  data: { link?: string | null };
  createdAt: string;
}

interface ActionResult<Data> {
  success: boolean;
  message?: string;
  data: Data;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Api = ReturnType<typeof createApi>;

export function createApi(key: string) {
  async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(path, {
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json().catch(() => null);
    if (!response.ok) {
      const told = answer?.error?.message ?? answer?.message;
      throw new ApiError(response.status, told ?? `The server answered ${response.status}.`);
    }
    return answer as Answer;
  }

  async function act<Data>(action: string, args: object): Promise<Data> {
    const result = await call<ActionResult<Data>>("POST", `/v1/actions/${action}`, args);
    if (!result.success) throw new ApiError(200, result.message ?? "That did not work.");
    return result.data;
  }

  const query = (asked: Query) => act<Found>("queryRecords", asked);

  return {
    query,
    modules: async () => (await call<{ modules: Module[] }>("GET", "/v1/modules")).modules,
    actions: async () => (await call<{ actions: ActionInfo[] }>("GET", "/v1/actions")).actions,
    search: (text: string, module?: string) =>
      act<{ records: (CrmRecord & { module: string })[] }>("searchRecords", { query: text, module }),

    /** One record, whole: records that come alone have their long texts uncut. */
    async record(module: Module, id: string): Promise<CrmRecord | undefined> {
      const found = await query({ module: module.slug, filters: [{ field: "id", op: "eq", value: id }], limit: 1 });
      return found.records[0];
    },

    threads: async () => {
      const { threads } = await call<{ threads: Thread[] }>("GET", "/v1/threads");
      return threads.filter((thread) => !thread.archived);
    },
    renameThread: (id: string, title: string) => call("PATCH", `/v1/threads/${encodeURIComponent(id)}`, { title }),
    deleteThread: (id: string) => call("DELETE", `/v1/threads/${encodeURIComponent(id)}`),

    /** What a call wrote, and whether it can be taken back. */
    async receipt(threadId: string, toolCallId: string): Promise<Receipt | undefined> {
      const path = `/v1/receipts?threadId=${encodeURIComponent(threadId)}`;
      const { receipts } = await call<{ receipts: Receipt[] }>("GET", path);
      return receipts.find((receipt) => receipt.toolCallId === toolCallId);
    },
    undo: (id: string) => call<Receipt>("POST", `/v1/receipts/${encodeURIComponent(id)}/undo`),

    notices: async () =>
      (await call<{ notifications: Notice[] }>("GET", "/v1/notifications?seen=false")).notifications,
    seen: (id: string) => call("POST", `/v1/notifications/${encodeURIComponent(id)}/seen`),

    /** Tells the server what was clicked on a card in the chat; false if it has no use for it. */
    async clicked(threadId: string, toolCallId: string, name: string, payload: object): Promise<boolean> {
      try {
        await call("POST", `/v1/threads/${encodeURIComponent(threadId)}/events`, { toolCallId, name, payload });
        return true;
      } catch (error) {
        if (error instanceof ApiError) return false;
        throw error;
      }
    },
  };
}
