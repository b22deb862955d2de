/** The conversations: open one, begin a new one, rename, delete. */
import { useState } from "react";
import type { Thread } from "./api";
import { openThread } from "./place";
import { Icon, useApp, useLoad } from "./ui";

export function Threads({ version }: { version: number }) {
  const { api, threadId } = useApp();
  const [touched, setTouched] = useState(0);
  const [problem, setProblem] = useState<string>();
  const { data, error } = useLoad(api.threads, [version, touched]);

  async function change(doing: Promise<unknown>) {
    setProblem(undefined);
    await doing.catch((refused: Error) => setProblem(refused.message));
    setTouched((before) => before + 1);
  }
  return (
    <section className="threads">
      <h2>
        Conversations
        <button type="button" className="quiet" title="New conversation" onClick={() => openThread()}>
          <Icon name="plus" />
        </button>
      </h2>
      {(problem || error) && <p className="soft">{problem ?? error?.message}</p>}
      <ul>
        {data?.map((thread) => (
          <Row key={thread.id} thread={thread} current={thread.id === threadId} change={change} />
        ))}
      </ul>
      {data?.length === 0 && <p className="soft">None yet.</p>}
    </section>
  );
}

interface RowProps {
  thread: Thread;
  current: boolean;
  change: (doing: Promise<unknown>) => Promise<void>;
}

function Row({ thread, current, change }: RowProps) {
  const { api } = useApp();
  const [doing, setDoing] = useState<"rename" | "delete">();

  async function rename(title: string) {
    setDoing(undefined);
    if (title && title !== thread.title) await change(api.renameThread(thread.id, title));
  }
  async function remove() {
    setDoing(undefined);
    await change(api.deleteThread(thread.id));
    if (current) openThread();
  }

  if (doing === "rename") {
    return (
      <li>
        <input
          autoFocus
          defaultValue={thread.title}
          aria-label="Title"
          onFocus={(event) => event.target.select()}
          onBlur={(event) => rename(event.target.value.trim())}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.currentTarget.blur();
            if (event.key === "Escape") setDoing(undefined);
          }}
        />
      </li>
    );
  }
  return (
    <li className={current ? "current" : undefined} onMouseLeave={() => setDoing(undefined)}>
      <button type="button" className="open" title={thread.title} onClick={() => openThread(thread.id)}>
        {thread.title || "Untitled"}
      </button>
      {doing === "delete" ? (
        <button type="button" className="danger" onClick={remove}>
          Delete
        </button>
      ) : (
        <span className="tools">
          <button type="button" className="quiet" title="Rename" onClick={() => setDoing("rename")}>
            <Icon name="edit" />
          </button>
          <button type="button" className="quiet" title="Delete" onClick={() => setDoing("delete")}>
            <Icon name="trash" />
          </button>
        </span>
      )}
    </li>
  );
}
