// Values under the pointer, for figures of lines; the page is whole without it.
for (const chart of document.querySelectorAll("svg[data-lines]")) {
  const data = JSON.parse(chart.dataset.lines);
  const places = [...new Set(data.lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const place = (x) => data.left + ((x - data.low) / (data.high - data.low)) * (data.right - data.left);
  const cursor = document.createElementNS(chart.namespaceURI, "line");
  const readout = document.createElement("div");
  cursor.setAttribute("class", "cursor");
  readout.className = "readout";

  const leave = () => { cursor.remove(); readout.remove(); };
  const number = (y) => (data.signed && y > 0 ? "+" : "") + y.toFixed(data.digits).replace("-", "−");

  chart.addEventListener("pointerleave", leave);
  chart.addEventListener("pointermove", (event) => {
    const scale = chart.viewBox.baseVal.width / chart.clientWidth;
    const at = (event.clientX - chart.getBoundingClientRect().left) * scale;
    if (at < data.left - 12 || at > data.right + 12) return leave();
    const x = places.reduce((best, one) => (Math.abs(place(one) - at) < Math.abs(place(best) - at) ? one : best));
    const height = chart.viewBox.baseVal.height;
    for (const [name, value] of Object.entries({ x1: place(x), x2: place(x), y1: 30, y2: height - 46 })) cursor.setAttribute(name, value);
    chart.append(cursor);

    const head = document.createElement("b");
    head.textContent = `${x.toLocaleString("en", { maximumFractionDigits: 1 })} ${data.x_name}`;
    const rows = data.lines
      .map((line) => ({ ...line, value: line.y[line.x.indexOf(x)] }))
      .filter((line) => line.value != null)
      .sort((a, b) => b.value - a.value)
      .map((line) => {
        const row = document.createElement("span");
        const name = document.createElement("i");
        row.style.setProperty("--c", line.color);
        name.textContent = line.name;
        name.style.fontStyle = "normal";
        row.append(name, number(line.value));
        return row;
      });
    if (!rows.length) return leave();
    readout.replaceChildren(head, ...rows);
    chart.parentElement.append(readout);
    // Where curves leave room: differences hang below their figure's top, learning curves rise away from its bottom.
    const top = data.signed ? 34 : chart.clientHeight - 58 / scale - readout.offsetHeight;
    const left = place(x) / scale;
    readout.style.top = `${Math.max(top, 0)}px`;
    const flip = left > chart.clientWidth / 2;
    readout.style.left = flip ? "auto" : `${left + 12}px`;
    readout.style.right = flip ? `${chart.clientWidth - left + 12}px` : "auto";
  });
}
