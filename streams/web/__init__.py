"""The dashboard: `hedgehog dashboard`. What follows is all that two people who build different pages have to agree on.

**Board.** `replica` folds the topics into `model.board.Board`. Every change touches subjects (`board.touch`): of an
instrument `market KEY` (its trades) and `deals KEY` (orders, fills, traders), of all `setups`, `events`, `traded`,
`markets`, `pipeline`, `parts`.

**Panels.** A page is a list of `model.panels.Panel`: a name, the subjects it shows, a pure function of board and time.
One file a page in `model`; its line in `VIEWS` of `model/views.py`. Names are unique over all pages, since what was
drawn is shared: an instrument, an interval, a list of keys stands in the name.

**Stream.** `GET /events?view=NAME&…`: server-sent events. Each is a frame `{"now": ms, "boot": id, "whole": bool,
"panels": {name: shown}}`; the first is whole, those after it have what changed. There is one a second at least. The
page has its first frame in itself (`#first`), so it shows something before the stream is open.

**Pages.** One ES module a page in `static/views`, exporting `title` and `mount(root, parameters)`, which returns
`{change(parameters), close()}`; parts that several pages show are in `static/parts`. `on(name, show)` of
`static/lib/store.js` calls `show` with whatever comes of a panel. Elements are made by `h` of `lib/dom.js` only: text
from outside becomes text.

**Actions and questions.** `POST /do/NAME` with a JSON object, and `GET /api/ask/NAME?…`, are the functions in
`deeds.Deeds`, which `streams/cli/dashboard/deeds.py` fills with those of the command line. A refusal is status 400 with
`{"error", "hint"}`. What takes long is in `Deeds.commands`: its action returns at once, and the panel `job` says how
far the command is (`replica/jobs.py`); the action `cancel` ends it. A control of a panel is
`{action, label, question, text, confirm, command, reason, danger}`: `control` of `lib/actions.js` makes a button of it
that asks back. A change needs our origin, and the token that the page has in `<meta name="hedgehog-token">` as header
`X-Hedgehog-Token` (`http/guard.py`).
"""
