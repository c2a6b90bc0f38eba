"use strict";
// The linear toy, live. Matrices are lists of columns, each [x, y]; theory/linear.py holds the same formulas.
(() => {
  const bench = document.getElementById("bench");
  const START = { W1: [[0.95, 0.3], [-0.25, 0.85]], W2: [[0.75, 0.9], [-0.85, 0.45], [1.05, 0.3]] };
  const REACH = 1.5, UNIT = 100, EDGE = REACH * UNIT;
  const ROLES = {
    1: [["c₁", "class", "no"], ["c₂", "class-2", "no"], ["z", "aux", "yes"]],
    2: [["c", "class", "no"], ["z₁", "aux-2", "yes"], ["z₂", "aux", "yes"]],
  };
  let { W1, W2 } = structuredClone(START);

  // Arithmetic of the plane.
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1];
  const size = (a) => Math.hypot(...a);
  const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
  const scaled = (a, s) => [a[0] * s, a[1] * s];
  const apply = (columns, w) => [0, 1].map((i) => columns[0][i] * w[0] + columns[1][i] * w[1]);

  // What the objective sees: columns of Z for squared error, their differences for softmax-KL.
  function seen(k, objective) {
    const Z = W2.slice(-k);
    return objective === "kl" ? Z.slice(1).map((z) => minus(z, Z[0])) : Z;
  }

  // Orthonormal basis of the seen directions, longest first; a remainder of rounding size is no direction.
  function basis(columns) {
    const found = [];
    const largest = Math.max(0, ...columns.map(size));
    let rest = [...columns];
    while (found.length < 2 && rest.length) {
      const longest = rest.reduce((a, b) => (size(b) > size(a) ? b : a));
      if (size(longest) <= 1e-14 * largest || largest === 0) break;
      const u = scaled(longest, 1 / size(longest));
      found.push(u);
      rest = rest.filter((c) => c !== longest).map((c) => minus(c, scaled(u, dot(u, c))));
    }
    return found;
  }

  function solve() {
    const k = Number(bench.elements.k.value);
    const directions = basis(seen(k, bench.elements.objective.value));
    const project = (w) => directions.reduce((sum, u) => minus(sum, scaled(u, -dot(u, w))), [0, 0]);
    const P = [project([1, 0]), project([0, 1])];
    const trunk = P.map((p) => apply(W1, p));
    const A = W2.map((w) => apply(W1, w)), student = W2.map((w) => apply(trunk, w));
    const columns = A.map((a, j) => ({
      teacher: a, student: student[j], projected: project(W2[j]),
      cosine: dot(a, student[j]) / (size(a) * size(student[j])),
      error: size(minus(student[j], a)) / size(a),
    }));
    return { k, directions, trunk, columns };
  }

  // Drawing.
  const SVG = "http://www.w3.org/2000/svg";
  const plane = Object.fromEntries([...bench.querySelectorAll("svg")].map((s) => [s.dataset.plane, s]));
  function draw(parent, tag, attributes, text) {
    const node = parent.appendChild(document.createElementNS(SVG, tag));
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text) node.textContent = text;
    return node;
  }
  const place = ([x, y], zoom = UNIT) => [x * zoom, -y * zoom];
  function ray(parent, from, to, role, zoom) {
    const [x1, y1] = place(from, zoom), [x2, y2] = place(to, zoom);
    draw(parent, "line", { x1, y1, x2, y2, class: `ray ${role}` });
    if (!role.startsWith("drop")) draw(parent, "circle", { cx: x2, cy: y2, r: role === "teacher" ? 6 : 4.5, class: `tip ${role}` });
  }
  function label(parent, at, role, text, zoom) {
    const [x, y] = place(at, zoom), away = 17 / (Math.hypot(x, y) || 1);
    draw(parent, "text", { x: x * (1 + away), y: y * (1 + away) + 5, class: `name ${role}` }, text);
  }
  function ground(svg, zoom = UNIT) {
    const layer = svg.querySelector(".drawn") ?? draw(svg, "g", { class: "drawn" });
    layer.replaceChildren();
    for (let n = Math.floor(EDGE / zoom); n > 0; n--) draw(layer, "circle", { r: n * zoom, class: "grid" });
    draw(layer, "path", { d: `M${-EDGE} 0H${EDGE}M0 ${-EDGE}V${EDGE}`, class: "axes" });
    draw(layer, "text", { x: zoom + 4, y: 14, class: "tick" }, "1");
    return layer;
  }

  function show() {
    const { k, directions, trunk, columns } = solve();
    const roles = ROLES[k];
    const trunkLayer = ground(plane.W1), headLayer = ground(plane.W2);
    for (const column of W1) ray(trunkLayer, [0, 0], column, "trunk");
    for (const column of trunk) ray(trunkLayer, [0, 0], column, "ghost");
    if (directions.length === 2) draw(headLayer, "rect", { x: -EDGE, y: -EDGE, width: 2 * EDGE, height: 2 * EDGE, class: "seen" });
    if (directions.length === 1) ray(headLayer, scaled(directions[0], -REACH), scaled(directions[0], REACH), "drop-line");
    W2.forEach((w, j) => {
      ray(headLayer, w, columns[j].projected, "drop");
      ray(headLayer, [0, 0], w, roles[j][1]);
    });
    const longest = Math.max(...columns.flatMap((c) => [size(c.teacher), size(c.student)]));
    const zoom = UNIT * Math.min(1, 1.3 / longest);
    const mapLayer = ground(plane.A, zoom);
    for (const { teacher } of columns) ray(mapLayer, [0, 0], teacher, "teacher", zoom);
    for (const { teacher, student } of columns) ray(mapLayer, teacher, student, "drop", zoom);
    const rays = columns.map(({ student }, j) => [student, roles[j][1]]);
    // Columns of a rank-one map share a line: the shortest is drawn last, so that each stays visible.
    rays.sort(([a], [b]) => size(b) - size(a));
    for (const [student, role] of rays) ray(mapLayer, [0, 0], student, role, zoom);
    columns.forEach(({ teacher }, j) => label(mapLayer, teacher, roles[j][1], roles[j][0], zoom));
    handles.forEach((handle) => handle.settle(roles));
    tabulate(columns, roles);
    say(k, directions.length, columns[0]);
    bench.dataset.state = JSON.stringify({ W1, W2, k, objective: bench.elements.objective.value });
  }

  // Words and numbers.
  const rounded = (v) => (Number.isFinite(v) ? v.toFixed(3).replace("-", "−") : "undefined");
  function tabulate(columns, roles) {
    bench.querySelector("tbody").replaceChildren(...columns.map((column, j) => {
      const row = document.createElement("tr");
      const head = row.appendChild(document.createElement("th"));
      head.scope = "row";
      head.className = roles[j][1];
      head.textContent = roles[j][0];
      row.insertCell().textContent = roles[j][2];
      for (const values of [[column.cosine], [column.error], column.teacher, column.student]) {
        const cell = row.insertCell();
        values.forEach((value, i) => {
          const data = document.createElement("data");
          data.value = value;
          data.textContent = rounded(value);
          cell.append(i ? ", " : "", data);
        });
      }
      return row;
    }));
  }
  function say(k, rank, { cosine, error }) {
    const blind = k === 1 && bench.elements.objective.value === "kl";
    bench.querySelector(".verbal").textContent = blind
      ? "With one auxiliary logit the softmax is constant: KL has no gradient and the student learns nothing."
      : `The student's map has rank ${Math.min(rank, basis(W1).length)}. On the class column it was never trained on, `
        + `its cosine with the teacher is ${rounded(cosine)} and its relative error ${rounded(error)}.`;
  }

  // Handles: by pointer and by keyboard.
  function makeHandle(name, j) {
    const svg = plane[name];
    const group = draw(svg, "g", {
      class: "handle", tabindex: 0, role: "slider", "aria-roledescription": "point in the plane",
      "aria-valuemin": -REACH, "aria-valuemax": REACH, "data-column": `${name}-${j + 1}`,
    });
    draw(group, "circle", { r: 24, class: "reach" });
    draw(group, "circle", { r: 9, class: "knob" });
    const text = draw(group, "text", { class: "name" });
    const columns = () => (name === "W1" ? W1 : W2);
    const moveTo = (point) => {
      columns()[j] = point.map((v) => Math.min(REACH, Math.max(-REACH, Math.round(v * 1000) / 1000)));
      show();
    };
    group.addEventListener("pointerdown", (event) => { group.setPointerCapture(event.pointerId); group.focus(); });
    group.addEventListener("pointermove", (event) => {
      if (!group.hasPointerCapture(event.pointerId)) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      moveTo([at.x / UNIT, -at.y / UNIT]);
    });
    group.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      moveTo(minus(columns()[j], scaled(way, event.shiftKey ? -0.25 : -0.05)));
    });
    const settle = (roles) => {
      const [title, role] = name === "W1" ? [`w${"₁₂"[j]}`, "trunk"] : roles[j];
      const [x, y] = place(columns()[j]), away = 20 / (Math.hypot(x, y) || 1);
      group.setAttribute("transform", `translate(${x} ${y})`);
      group.setAttribute("class", `handle ${role}`);
      group.setAttribute("aria-label", `column ${j + 1} of ${name}, ${title}`);
      group.setAttribute("aria-valuenow", columns()[j][0]);
      group.setAttribute("aria-valuetext", columns()[j].map(rounded).join(", "));
      text.textContent = title;
      text.setAttribute("x", x * away * 1.2);
      text.setAttribute("y", y * away + 5);
    };
    return { settle };
  }

  ground(plane.W1);
  ground(plane.W2);
  const handles = [...W1.map((_, j) => makeHandle("W1", j)), ...W2.map((_, j) => makeHandle("W2", j))];
  bench.addEventListener("input", show);
  bench.addEventListener("submit", (event) => event.preventDefault());
  bench.addEventListener("reset", () => setTimeout(() => { ({ W1, W2 } = structuredClone(START)); show(); }));
  bench.elements.random.addEventListener("click", () => {
    [W1, W2] = [W1, W2].map((columns) => columns.map(() => [0, 1].map(() => Math.round(2600 * Math.random() - 1300) / 1000)));
    show();
  });
  bench.hidden = false;
  show();
})();
