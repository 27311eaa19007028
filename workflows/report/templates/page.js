"use strict";
// What a click does: tables are sorted, a class is filtered by, windows are played. Without this the page shows all.

document.documentElement.classList.add("scripted");

// Sorting: by the number that a cell begins with where all of the column begin with one, else by its text.
function valueOf(cell) {
  const number = parseFloat(cell.textContent.replaceAll(",", ""));
  return Number.isNaN(number) ? null : number;
}

function sortBy(table, column) {
  const head = table.tHead.rows[0].cells[column], body = table.tBodies[0], rows = [...body.rows];
  const texts = rows.map((row) => row.cells[column].textContent.trim());
  const numeric = texts.every((text, at) => text === "-" || text === "" || valueOf(rows[at].cells[column]) !== null);
  const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numeric;
  const compare = (a, b) => {
    const one = a.cells[column], two = b.cells[column];
    if (!numeric) return one.textContent.localeCompare(two.textContent);
    return (valueOf(one) ?? -Infinity) - (valueOf(two) ?? -Infinity) || 0;
  };
  rows.sort((a, b) => (down ? compare(b, a) : compare(a, b)));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sorts")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    head.append(button);
  });
}

// Filtering: a whole name means that class, a part of a name all classes that hold it.
function filterBy(section, field) {
  const asked = field.value.trim().toLowerCase();
  const marked = [...section.querySelectorAll("[data-class]")];
  const own = (each) => each.dataset.class.toLowerCase().split("\n");
  const whole = marked.some((each) => own(each).includes(asked));
  for (const each of marked) {
    each.hidden = !own(each).some((name) => (whole ? name === asked : name.includes(asked)));
  }
}

for (const field of document.querySelectorAll(".filter input")) {
  const section = field.closest("section");
  field.addEventListener("input", () => filterBy(section, field));
  for (const row of section.querySelectorAll("tr[data-class]")) {
    const cell = row.cells[0], button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const chosen = row.dataset.class;
      field.value = field.value === chosen ? "" : chosen;
      filterBy(section, field);
    });
  }
}

// Playing: one frame after another at the rate they were taken, from the first one again after the last.
for (const player of document.querySelectorAll(".player")) {
  const rate = Number(player.dataset.rate), numbers = player.dataset.numbers.split(" ");
  const strokes = player.dataset.strokes.split(";").map((frame) => frame.split("|"));
  const paths = player.querySelectorAll("path"), button = player.querySelector("button");
  const place = player.querySelector("input"), told = player.querySelector("output");
  let timer = null;
  const show = (at) => {
    paths.forEach((path, index) => path.setAttribute("d", strokes[at][index]));
    place.value = at;
    told.textContent = numbers[at];
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "▶";
    button.setAttribute("aria-label", "play");
  };
  const play = () => {
    show(0);
    timer = setInterval(() => show((Number(place.value) + 1) % numbers.length), 1000 / rate);
    button.textContent = "⏸";
    button.setAttribute("aria-label", "pause");
  };
  button.addEventListener("click", () => (timer === null ? play() : stop()));
  player.play = () => timer === null && play();
  player.stop = stop;
  place.addEventListener("input", () => {
    if (timer !== null) stop();
    show(Number(place.value));
  });
}

// Several windows play and stop together too.
for (const strips of document.querySelectorAll(".strips")) {
  const players = [...strips.querySelectorAll(".player")], button = document.createElement("button");
  if (players.length < 2) continue;
  const name = (playing) => (button.textContent = playing ? "⏸ stop all" : "▶ play all");
  button.type = "button";
  button.className = "all";
  name(false);
  button.addEventListener("click", () => {
    const playing = button.textContent.startsWith("▶");
    for (const player of players) playing ? player.play() : player.stop();
    name(playing);
  });
  strips.before(button);
}
