/** What the server tells outside a conversation, such as a reminder that is due: shown until it is dismissed. */
import { useEffect, useRef, useState } from "react";
import type { Notice } from "./api";
import { hrefOf, pageAt } from "./place";
import { Icon, label, momentText, useApp } from "./ui";

const EVERY_MS = 5000;

export function Notices() {
  const { api } = useApp();
  const [notices, setNotices] = useState<Notice[]>([]);
  const dismissed = useRef(new Set<string>());
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    let current = true;
    // What cannot be read now is read five seconds later.
    const look = () => {
      if (document.hidden) return;
      const show = (found: Notice[]) => setNotices(found.filter(({ id }) => !dismissed.current.has(id)));
      api.notices().then((found) => current && show(found), () => {});
    };
    look();
    const timer = setInterval(look, EVERY_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      current = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [api]);

  async function dismiss(id: string) {
    setProblem(undefined);
    await api.seen(id).then(
      () => {
        dismissed.current.add(id); // an older answer may be under way
        setNotices((shown) => shown.filter((notice) => notice.id !== id));
      },
      (refused: Error) => setProblem(refused.message),
    );
  }
  return (
    <section className="notices" aria-label="Notices" aria-live="polite">
      {problem && <p className="problem">{problem}</p>}
      <ul>
        {notices.map((notice) => (
          <Row key={notice.id} notice={notice} dismiss={() => dismiss(notice.id)} />
        ))}
      </ul>
    </section>
  );
}

function Row({ notice, dismiss }: { notice: Notice; dismiss: () => void }) {
  const { kind, title, body, data, createdAt } = notice;
  const page = data.link ? pageAt(data.link) : undefined;
  return (
    <li>
      <Icon name="bell" />
      <div>
        <strong>{page ? <a href={hrefOf(page)}>{title}</a> : title}</strong>
        <span className="soft">
          {label(kind)} · {momentText(createdAt)}
        </span>
        {body && <p>{body}</p>}
      </div>
      <button type="button" className="quiet" title="Dismiss" onClick={dismiss}>
        <Icon name="cross" />
      </button>
    </li>
  );
}
