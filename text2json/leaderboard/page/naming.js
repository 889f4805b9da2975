// Points that name themselves: under the pointer, under a finger, and from the keyboard as one stop with arrow keys.
const COVERED = 3; // pixels within which points lie on one another

function nameOnRequest(figure, svg, points, axis) {
  let named = null;
  const tip = element("div", { class: "tip", hidden: "" });
  figure.append(tip);

  function name(point) {
    if (named !== point) {
      named?.link.classList.remove("named");
      named?.entry.row?.classList.remove("named");
      point?.link.classList.add("named");
      point?.entry.row?.classList.add("named");
      named = point;
      tip.hidden = point === null;
      svg.style.cursor = point === null ? "" : "pointer";
    }
    if (point === null) return;
    const [first, ...rest] = story(point, axis);
    const covered = points.filter((other) => other !== point && Math.hypot(other.x - point.x, other.y - point.y) < COVERED);
    if (covered.length) rest.push(`and ${covered.length} more here, see the table`);
    tip.replaceChildren(element("b", {}, element("bdi", {}, first)), ...rest.map((text) => element("span", {}, element("bdi", {}, text))));
    const left = Math.min(Math.max(0, point.x - tip.offsetWidth / 2), figure.clientWidth - tip.offsetWidth);
    const above = svg.getBoundingClientRect().top - figure.getBoundingClientRect().top + point.y - tip.offsetHeight - 14;
    tip.style.left = `${left}px`;
    tip.style.top = `${above}px`;
  }

  function nearest(event) {
    const box = svg.getBoundingClientRect();
    const distance = (point) => Math.hypot(point.x - (event.clientX - box.left), point.y - (event.clientY - box.top));
    const found = points.reduce((best, point) => (best === null || distance(point) < distance(best) ? point : best), null);
    return found !== null && distance(found) <= REACH ? found : null;
  }

  svg.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") name(nearest(event)); });
  figure.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") name(null); });
  // What is named when the pointer goes down is meant, though another's mark may lie over it. A finger's first tap names
  // the point, its second follows it. The press itself moves the focus, and with it what is named.
  let before = null;
  svg.addEventListener("pointerdown", () => { before = named; });
  svg.addEventListener("click", (event) => {
    const touch = event.pointerType === "touch";
    const meant = touch ? nearest(event) : before;
    if (event.detail === 0 || event.ctrlKey || event.metaKey || event.shiftKey) return; // by keyboard, or to a new tab
    event.preventDefault();
    if (touch && meant !== before) name(meant);
    else if (meant !== null) location.assign(meant.entry.page);
  });

  points.forEach((point, place) => {
    point.link.setAttribute("aria-label", story(point, axis).join(", "));
    point.link.addEventListener("focus", () => {
      for (const other of points) other.link.setAttribute("tabindex", other === point ? "0" : "-1");
      name(point);
    });
    point.link.addEventListener("blur", () => name(null));
    point.link.addEventListener("keydown", (event) => {
      const goal = { ArrowRight: place + 1, ArrowUp: place + 1, ArrowLeft: place - 1, ArrowDown: place - 1, Home: 0, End: points.length - 1 }[event.key];
      if (event.key === "Escape") name(null);
      if (goal === undefined) return;
      event.preventDefault();
      points[Math.min(points.length - 1, Math.max(0, goal))].link.focus();
    });
  });
  points[0]?.link.setAttribute("tabindex", "0");
}
