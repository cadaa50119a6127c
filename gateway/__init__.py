"""An order gateway between strategies and the venues they trade on.

Glossary (FIX words are used wherever FIX has one; these are ours):

* **event**: what reached us: an order, a policy verdict, execution reports, a timer, an operator's command.
* **fact**: what was decided or happened; journaled, and the only thing that changes state.
* **effect**: what we ask the outside to do, after the facts that justify it are durable.
* **decide**: ``(state, event) -> facts, effects``; reads only. **apply**: ``(state, fact)``; the only writer.
* **mode**: SHADOW < CANARY < LIVE, per venue; what may happen to an admitted order.
* **route**: where one order goes: ``shadow`` (the simulator) or ``live`` (the venue). Fixed at admission.
* **cycle**: the life of one position of (account, strategy, venue, symbol), from flat to flat.
* **book**: ``live`` or ``shadow``: the cash, positions, exposure and P&L of the orders on that route.
* **twin**: the simulated execution of an order that also went live.
* **denied**: refused by us. **rejected**: refused by the venue.
* **in doubt**: sent, outcome unknown; its exposure stays held until the venue itself answers.

Where to look: ``domain`` the words, ``core`` the decisions (pure), ``ports`` what the outside must offer,
``service`` the engine around the core, ``adapters`` the outside, ``app`` how it is put together.
"""

__version__ = "0.1.0"
