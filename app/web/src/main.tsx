import "@copilotkit/react-ui/styles.css";
import "./app.css";
import { StrictMode, useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import type { Session } from "./App";
import { App } from "./App";
import { openThread } from "./place";

const KEY = "copilot-key";
const ROLE = "copilot-role";

type DemoKeys = Record<string, string>;

/** The keys of the demo's roles, where the server is the demo. */
async function demoKeys(): Promise<DemoKeys | null> {
  const answer = await fetch("/demo.json").catch(() => null);
  if (!answer?.ok) return null;
  const told = await answer.json().catch(() => null);
  return told?.keys ?? null;
}

function Root() {
  const [demo, setDemo] = useState<DemoKeys | null>();
  useEffect(() => {
    void demoKeys().then(setDemo);
  }, []);
  if (demo === undefined) return null;
  return demo ? <Demo keys={demo} /> : <SignIn />;
}

function Demo({ keys }: { keys: DemoKeys }) {
  const [wanted, setRole] = useState(sessionStorage.getItem(ROLE) ?? "member");
  const role = wanted in keys ? wanted : (Object.keys(keys)[0] ?? "");
  const apiKey = keys[role] ?? "";
  function become(next: string) {
    sessionStorage.setItem(ROLE, next);
    openThread();
    setRole(next);
  }
  const account = (
    <label className="account">
      <span className="soft">Signed in as</span>
      <select value={role} onChange={(event) => become(event.target.value)}>
        {Object.keys(keys).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
  return <App key={role} session={{ apiKey, role }} account={account} />;
}

function SignIn() {
  const [session, setSession] = useState<Session | null>(() => {
    const apiKey = sessionStorage.getItem(KEY);
    return apiKey ? { apiKey } : null;
  });
  const [problem, setProblem] = useState<string>();

  function signIn(apiKey: string) {
    sessionStorage.setItem(KEY, apiKey);
    setSession({ apiKey });
  }
  const signOut = useCallback((why?: string) => {
    sessionStorage.removeItem(KEY);
    setProblem(why);
    setSession(null);
  }, []);

  if (session) {
    const account = (
      <button type="button" className="quiet" onClick={() => signOut()}>
        Sign out
      </button>
    );
    return <App session={session} account={account} onRefused={signOut} />;
  }
  return (
    <main className="gate">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn(String(new FormData(event.currentTarget).get("key")).trim());
        }}
      >
        <span className="brand">CRM</span>
        <label>
          API key
          <input name="key" type="password" required autoFocus autoComplete="off" placeholder="ck_…" />
        </label>
        {problem && <p className="problem">{problem}</p>}
        <button type="submit" className="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
