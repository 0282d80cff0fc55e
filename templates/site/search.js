// Searches the index that lies beside the pages, as scripts: a page that was opened from a disk may load those.
"use strict";
(() => {
  const told = document.getElementById("told");
  const found = document.getElementById("found");
  const field = document.getElementById("q");
  const shards = Number(told.dataset.shards);
  const most = 200;
  let rows = [];
  let loaded = 0;

  window.cosportIndex = (shard) => {
    rows = rows.concat(shard);
    loaded += 1;
    if (loaded === shards) show();
  };

  function show() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    found.replaceChildren();
    if (!words.length) {
      told.textContent = "Type something into the field at the top.";
      return;
    }
    if (loaded < shards) {
      told.textContent = "Reading the index ...";
      return;
    }
    const hits = rows.filter((row) => {
      const text = row.flat().join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    told.textContent = `${hits.length} found` + (hits.length > most ? `, the first ${most} shown` : "");
    for (const [sha, subject, author, date, cves] of hits.slice(0, most)) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `fix/${sha}.html`;
      link.textContent = subject || "(no subject)";
      const about = document.createElement("span");
      about.className = "dim";
      about.textContent = ` ${sha.slice(0, 12)} ${date} ${author} ${cves.join(" ")}`;
      item.append(link, about);
      found.append(item);
    }
  }

  field.value = new URLSearchParams(location.search).get("q") || "";
  field.addEventListener("input", show);
  for (let number = 0; number < shards; number += 1) {
    const script = document.createElement("script");
    script.src = `search/${number}.js`;
    document.head.append(script);
  }
  show();
})();
