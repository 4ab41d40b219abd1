(() => {
  const targets = JSON.parse(document.getElementById("curves").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hidden = new Set();

  const faded = (hex, alpha) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r}, ${g}, ${b}, ${alpha})`;
  };

  const traces = (series, key) => {
    const drawn = [];
    const visible = (one) => !hidden.has(one.name);
    for (const one of series) {
      const ends = one.x.map((x, at) => [x, one[key + "_band"][at]]).filter(([, band]) => band && band[0] !== null);
      if (ends.length < 2 || !visible(one)) continue;
      drawn.push({
        x: [...ends.map(([x]) => x), ...ends.map(([x]) => x).reverse()],
        y: [...ends.map(([, band]) => band[0]), ...ends.map(([, band]) => band[1]).reverse()],
        fill: "toself", fillcolor: faded(one.colour, 0.11), line: { width: 0 },
        hoverinfo: "skip", mode: "lines", type: "scatter",
      });
    }
    for (const one of series) {
      if (!visible(one)) continue;
      const single = one.x.length < 2;
      const band = one[key + "_band"];
      const bars = single && band[0] ? {
        type: "data", symmetric: false, thickness: 1.5, width: 4,
        array: [band[0][1] - one[key][0]], arrayminus: [one[key][0] - band[0][0]],
      } : { visible: false };
      drawn.push({
        x: one.x, y: one[key], name: one.name, mode: "lines+markers", type: "scatter",
        line: { color: one.colour, width: 2.25, dash: one.dash }, marker: { size: 6, color: one.colour },
        error_y: bars, hovertemplate: "%{y:.1f}",
      });
    }
    return drawn;
  };

  const axis = (title) => ({
    title: { text: title, font: { size: 12, color: colour("--soft") }, standoff: 10 },
    gridcolor: colour("--line"), zeroline: false, linecolor: colour("--line"),
    tickfont: { size: 12, color: colour("--soft") }, automargin: true, fixedrange: true,
  });

  const layout = () => ({
    margin: { l: 44, r: 14, t: 14, b: 44 }, showlegend: false, hovermode: "x unified",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colour("--sans"), color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { size: 12, color: colour("--ink") } },
    xaxis: { ...axis("seconds ahead"), hoverformat: ".2f", ticksuffix: "", rangemode: "tozero" },
    yaxis: { ...axis("per cent"), rangemode: "normal" },
  });

  const draw = () => {
    for (const { target, series } of targets) {
      for (const key of ["miou", "moving"]) {
        const place = document.getElementById(`plot-${target}-${key}`);
        Plotly.react(place, traces(series, key), layout(), { displayModeBar: false, responsive: true });
      }
    }
  };

  for (const button of document.querySelectorAll(".chips button")) {
    button.addEventListener("click", () => {
      const name = button.dataset.name;
      if (!hidden.delete(name)) hidden.add(name);
      for (const twin of document.querySelectorAll(".chips button")) {
        if (twin.dataset.name === name) twin.setAttribute("aria-pressed", String(!hidden.has(name)));
      }
      draw();
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
