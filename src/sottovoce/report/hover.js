"use strict";
// Values of a figure's curves, under the pointer or at the arrow keys; lab/hover.py gives their positions.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const worded = (value) => value.toPrecision(3).replace("-", "−");

  function arm(drawing) {
    const svg = drawing.querySelector("svg");
    const { width, height } = svg.viewBox.baseVal;
    const panels = JSON.parse(drawing.dataset.hover).map((panel) => {
      const places = new Map(panel.curves.flatMap(({ x, left }) => x.map((value, i) => [value, left[i]])));
      return { ...panel, stops: [...places].map(([x, left]) => ({ x, left })).sort((a, b) => a.left - b.left) };
    });
    const cursor = svg.appendChild(document.createElementNS(SVG, "g"));
    cursor.setAttribute("class", "cursor");
    const readout = drawing.appendChild(document.createElement("div"));
    readout.className = "readout";
    readout.setAttribute("role", "status");
    readout.hidden = true;
    let at = { panel: 0, stop: 0 };

    function mark(tag, attributes) {
      const node = cursor.appendChild(document.createElementNS(SVG, tag));
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    }
    function show(panel, stop) {
      at = { panel, stop };
      const { box: [left, top, wide, high], across, curves, stops } = panels[panel];
      const here = stops[stop];
      const values = curves.map(({ name, color, x, y, top: places }) => {
        const i = x.indexOf(here.x);
        return { name, color, y: y[i], place: places[i] };
      }).filter(({ y }) => y !== undefined);
      cursor.replaceChildren();
      mark("line", { x1: here.left, x2: here.left, y1: top, y2: top + high });
      for (const { color, place } of values) {
        if (place >= top && place <= top + high) mark("circle", { cx: here.left, cy: place, r: 2.6, fill: color });
      }
      const title = document.createElement("p");
      title.textContent = `${across} ${here.x}`;
      readout.replaceChildren(title, ...values.map(({ name, color, y }) => {
        const line = document.createElement("p");
        const swatch = line.appendChild(document.createElement("span"));
        swatch.style.background = color;
        line.append(`${name} `, Object.assign(document.createElement("b"), { textContent: worded(y) }));
        return line;
      }));
      const flipped = here.left > left + wide / 2;
      readout.style.left = flipped ? "auto" : `${100 * (here.left + 6) / width}%`;
      readout.style.right = flipped ? `${100 * (1 - (here.left - 6) / width)}%` : "auto";
      readout.style.top = `${100 * top / height}%`;
      readout.hidden = false;
    }
    function hide() {
      cursor.replaceChildren();
      readout.hidden = true;
    }

    svg.addEventListener("pointermove", (event) => {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const inside = ({ box: [left, top, wide, high] }) => x >= left && x <= left + wide && y >= top && y <= top + high;
      const panel = panels.findIndex(inside);
      if (panel < 0) { hide(); return; }
      const away = panels[panel].stops.map((stop) => Math.abs(stop.left - x));
      show(panel, away.indexOf(Math.min(...away)));
    });
    svg.addEventListener("pointerleave", hide);
    drawing.addEventListener("blur", hide);
    drawing.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (event.key === "Escape") hide();
      if (!way) return;
      event.preventDefault();
      const within = (value, count) => Math.min(count - 1, Math.max(0, value));
      const panel = within(at.panel + way[0], panels.length);
      const stop = readout.hidden ? at.stop : at.stop + way[1] * (event.shiftKey ? 10 : 1);
      show(panel, within(stop, panels[panel].stops.length));
    });
  }
  document.querySelectorAll("[data-hover]").forEach(arm);
})();
