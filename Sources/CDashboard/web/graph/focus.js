// Which box of the graph has the keyboard, which is pointed at, and which is shown in the panel.

export class Focus {
  constructor(graph) {
    this.graph = graph;
    this.boxes = graph.boxes;
    this.current = null;
    this.selected = null;
    this.boxes.addEventListener("keydown", (event) => this.move(event));
    this.boxes.addEventListener("focusin", (event) => this.keep(event.target.closest("[data-node]")));
    this.boxes.addEventListener("focusout", () => this.highlight(null));
    this.boxes.addEventListener("pointerover", (event) => this.highlight(event.target.closest("[data-node]")?.dataset.node));
    this.boxes.addEventListener("pointerleave", () => this.highlight(null));
  }

  /** After boxes have come and gone: one of them stays in the order of tabs. */
  restore() {
    this.keep(this.boxes.querySelector(`[data-node="${CSS.escape(this.current ?? "")}"]`) ?? this.boxes.firstElementChild);
  }

  /** What the panel shows is marked, and its way lit. */
  select() {
    let selected = null;
    for (const element of this.boxes.children) {
      const mine = element.getAttribute("href") === location.hash;
      element.classList.toggle("selected", mine);
      if (mine) selected = element.dataset.node;
    }
    if (selected === this.selected) return;
    this.selected = selected;
    this.highlight(null);
  }

  /** One box is in the order of tabs at a time; the arrows choose which. */
  keep(element) {
    if (!element) return;
    const before = this.boxes.querySelector('[tabindex="0"]');
    if (before && before !== element) before.tabIndex = -1;
    element.tabIndex = 0;
    this.current = element.dataset.node;
    if (document.activeElement === element) this.highlight(this.current);
  }

  move(event) {
    const directions = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const direction = directions[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = event.target.closest("[data-node]").getBoundingClientRect();
    const [dx, dy] = direction;
    const middle = (box) => ({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
    const here = middle(from);
    let best = null;
    for (const element of this.boxes.children) {
      const there = middle(element.getBoundingClientRect());
      const [along, across] = dx ? [(there.x - here.x) * dx, Math.abs(there.y - here.y)] : [(there.y - here.y) * dy, Math.abs(there.x - here.x)];
      if (along < 1 || (dy && across > from.width / 2)) continue;
      const cost = along + across * (dx ? 0.5 : 2);
      if (!best || cost < best.cost) best = { element, cost };
    }
    best?.element.focus();
  }

  /** Everything before and behind a box, the rest dimmed. */
  highlight(pointed) {
    const id = pointed ?? this.selected;
    const edges = this.graph.model?.edges ?? [];
    const lit = new Set(id ? [id] : []);
    const litEdges = new Set();
    for (const [mine, other] of [["from", "to"], ["to", "from"]]) {
      let front = id ? [id] : [];
      while (front.length) {
        const next = edges.filter((edge) => front.includes(edge[mine]) && !litEdges.has(edge.id));
        next.forEach((edge) => litEdges.add(edge.id));
        front = next.map((edge) => edge[other]);
        front.forEach((one) => lit.add(one));
      }
    }
    this.graph.particles.only = litEdges.size ? litEdges : null;
    this.graph.field.classList.toggle("focused", litEdges.size > 0);
    for (const element of this.boxes.children) element.classList.toggle("lit", lit.has(element.dataset.node));
    for (const path of [...this.graph.bands.children, ...this.graph.failures.children]) path.classList.toggle("lit", litEdges.has(path.dataset.edge));
    for (const label of this.graph.labels.element.children) label.classList.toggle("lit", litEdges.has(label.dataset.label));
  }
}
