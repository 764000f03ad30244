// The editor of an exercise: CodeMirror with what Python needs. The build makes one file of it.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { pythonLanguage } from "@codemirror/lang-python";
import { LanguageSupport, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

/** Put an editor into `parent`; `changed` and `run` are called when its text changes and on Ctrl+Enter. */
export function createEditor({ parent, code, label, changed, run }) {
  const view = new EditorView({
    parent,
    doc: code,
    extensions: [
      lineNumbers(),
      history(),
      bracketMatching(),
      indentOnInput(),
      indentUnit.of("    "),
      new LanguageSupport(pythonLanguage),
      syntaxHighlighting(classHighlighter),
      keymap.of([
        { key: "Mod-Enter", run: () => (run(), true) },
        ...defaultKeymap.filter(({ key }) => key !== "Mod-Enter"),
        ...historyKeymap,
        indentWithTab,
      ]),
      EditorView.contentAttributes.of({ "aria-label": label }),
      EditorView.updateListener.of((update) => update.docChanged && changed(view.state.doc.toString())),
    ],
  });
  return {
    read: () => view.state.doc.toString(),
    write: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
  };
}
