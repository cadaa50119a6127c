// The page: what stands where. Each view reads the store and nothing else.

import { html, render } from "./vendor/preact-htm.js";
import { Attention } from "./attention.js";
import { Books } from "./books.js";
import { Dialog } from "./dialogs.js";
import { Header } from "./header.js";
import { Modes } from "./modes.js";
import { Orders } from "./orders.js";
import { Breakers, Limits } from "./risk.js";
import { Rollouts } from "./rollouts.js";
import { Story } from "./story.js";
import { Connections, Configuration, Record } from "./system.js";
import { TwinPlot } from "./twins.js";
import { startPolling } from "./polling.js";
import { onChange, state } from "./store.js";
import { startStream } from "./stream.js";

function Page() {
  return html`
    <a class="skip" href="#main">Skip to the content</a>
    <${Header} state=${state} />
    <main id="main">
      <${Modes} state=${state} />
      <${Attention} state=${state} />
      <div class="columns">
        <div class="wide"><${Orders} state=${state} /><${Books} state=${state} /></div>
        <div class="narrow">
          <${Limits} state=${state} /><${Breakers} state=${state} /><${Rollouts} state=${state} /><${TwinPlot} state=${state} />
          <${Connections} state=${state} /><${Configuration} state=${state} /><${Record} state=${state} />
        </div>
      </div>
    </main>
    <${Story} state=${state} />
    <${Dialog} state=${state} />
  `;
}

const root = document.getElementById("app");
const draw = () => render(html`<${Page} />`, root);
root.replaceChildren();
onChange(draw);
draw();
startPolling();
startStream();
