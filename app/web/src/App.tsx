import { CopilotKit } from "@copilotkit/react-core";
import { useAgent } from "@copilotkit/react-core/v2";
import { CopilotSidebar } from "@copilotkit/react-ui";
import type { RenderSuggestionsListProps } from "@copilotkit/react-ui";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { ApiError, createApi } from "./api";
import { ChatLink, WIDE } from "./cards";
import { Copilot } from "./Copilot";
import { Notices } from "./Notices";
import { Dashboard, ModuleList, RecordPage } from "./pages";
import { DASHBOARD, hrefOf, openThread, usePlace } from "./place";
import type { Page } from "./place";
import { Threads } from "./Threads";
import { AppProvider, Icon, moduleNamed, useApp, useLoad } from "./ui";

/** As long as the animation in app.css. */
const HIGHLIGHT_MS = 4000;

export interface Session {
  apiKey: string;
  role?: string;
}

interface AppProps {
  session: Session;
  /** Who one is, at the foot of the navigation. */
  account: ReactNode;
  onRefused?: (message: string) => void;
}

export function App({ session, account, onRefused }: AppProps) {
  const api = useMemo(() => createApi(session.apiKey), [session.apiKey]);
  const { page, threadId } = usePlace();
  const { data, error } = useLoad(() => Promise.all([api.modules(), api.actions()]), [api]);
  const [version, setVersion] = useState(0);
  const [highlighted, highlight] = useState<string>();
  const changed = useCallback((recordId?: string) => {
    setVersion((before) => before + 1);
    if (recordId) highlight(recordId);
  }, []);

  useEffect(() => {
    const timer = setTimeout(() => highlight(undefined), HIGHLIGHT_MS);
    return () => clearTimeout(timer);
  }, [highlighted]);
  useEffect(() => {
    if (error instanceof ApiError && error.status === 401) onRefused?.(error.message);
  }, [error, onRefused]);
  useEffect(() => {
    if (!threadId) openThread(undefined, "replace");
  }, [threadId]);

  if (error) {
    return (
      <main className="gate">
        <p className="problem">{error.message}</p>
        {account}
      </main>
    );
  }
  if (!data || !threadId) return null;
  const [modules, actions] = data;
  return (
    <AppProvider value={{ api, modules, actions, page, threadId, version, highlighted, changed, highlight }}>
      <WithCopilot apiKey={session.apiKey}>
        <Workspace role={session.role} account={account} />
      </WithCopilot>
    </AppProvider>
  );
}

const LABELS = {
  title: "Copilot",
  initial: "Ask about your records, or say what should change.",
  placeholder: "Ask or tell the copilot…",
};

function WithCopilot({ apiKey, children }: { apiKey: string; children: ReactNode }) {
  const { threadId } = useApp();
  const headers = useMemo(() => ({ Authorization: `Bearer ${apiKey}` }), [apiKey]);
  return (
    <CopilotKit
      runtimeUrl="/v1/copilot"
      headers={headers}
      threadId={threadId}
      showDevConsole={false}
      enableInspector={false}
    >
      <CopilotSidebar
        labels={LABELS}
        defaultOpen={window.innerWidth >= WIDE}
        clickOutsideToClose={false}
        markdownTagRenderers={{ a: ChatLink }}
        RenderSuggestionsList={Suggestions}
        renderError={(error) => <ChatError {...error} />}
      >
        {children}
      </CopilotSidebar>
    </CopilotKit>
  );
}

/** Why a run failed, until it is dismissed or the next one starts. */
function ChatError({ message, onDismiss }: { message: string; onDismiss: () => void }) {
  const { agent } = useAgent({ updates: [] });
  useEffect(() => {
    const subscription = agent.subscribe({ onRunInitialized: onDismiss });
    return () => subscription.unsubscribe();
  }, [agent, onDismiss]);
  return (
    <p className="problem" role="alert">
      {message}
      <button type="button" className="quiet" aria-label="Dismiss" onClick={onDismiss}>
        <Icon name="cross" />
      </button>
    </p>
  );
}

/** Instead of the stock list, each of whose buttons connects to the thread, and detaches its run when it goes. */
function Suggestions({ suggestions, onSuggestionClick }: RenderSuggestionsListProps) {
  return (
    <div className="suggestions">
      {suggestions.map(({ title, message }) => (
        <button key={title} type="button" className="suggestion" onClick={() => onSuggestionClick(message)}>
          {title}
        </button>
      ))}
    </div>
  );
}

function Workspace({ role, account }: { role: string | undefined; account: ReactNode }) {
  const { page, threadId } = useApp();
  const [name, setName] = useState<{ page: Page; text: string }>();
  const [runs, setRuns] = useState(0);
  const [menu, setMenu] = useState(false);
  const onName = useCallback((text: string) => setName({ page, text }), [page]);
  const onRunEnded = useCallback(() => setRuns((before) => before + 1), []);
  useEffect(() => setMenu(false), [page, threadId]);
  return (
    <div className="workspace">
      <Copilot role={role} recordName={name?.page === page ? name.text : undefined} onRunEnded={onRunEnded} />
      <header className="top">
        <button type="button" className="quiet" aria-label="Menu" aria-expanded={menu} onClick={() => setMenu(!menu)}>
          <Icon name="menu" />
        </button>
        <span className="brand">CRM</span>
      </header>
      <nav className={menu ? "side open" : "side"}>
        <span className="brand">CRM</span>
        <Places />
        <Threads version={runs} />
        <footer>{account}</footer>
      </nav>
      {menu && <button type="button" className="shade" aria-label="Close menu" onClick={() => setMenu(false)} />}
      <Notices />
      <main className="content">
        <Shown onName={onName} />
      </main>
    </div>
  );
}

function Places() {
  const { modules, page } = useApp();
  const slug = page.type === "dashboard" ? undefined : page.slug;
  return (
    <ul className="places">
      <li>
        <a href={hrefOf(DASHBOARD)} aria-current={slug === undefined ? "page" : undefined}>
          <Icon name="home" /> Dashboard
        </a>
      </li>
      {modules.map((module) => (
        <li key={module.slug}>
          <a
            href={hrefOf({ type: "moduleList", slug: module.slug, filters: {} })}
            aria-current={slug === module.slug ? "page" : undefined}
          >
            <Icon name="list" /> {module.name}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Shown({ onName }: { onName: (name: string) => void }) {
  const { modules, page } = useApp();
  if (page.type === "dashboard") return <Dashboard />;
  const module = moduleNamed(modules, page.slug);
  if (!module) return <p className="problem">There is no module “{page.slug}”.</p>;
  if (page.type === "moduleRecord") return <RecordPage key={page.id} module={module} id={page.id} onName={onName} />;
  return <ModuleList key={module.slug} module={module} filters={page.filters} />;
}
