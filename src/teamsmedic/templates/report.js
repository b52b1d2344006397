"use strict";
const form = document.getElementById("filters");
if (form) {
  const hosts = [...document.querySelectorAll(".host")];
  const texts = hosts.map(one => one.textContent.toLowerCase());
  const words = document.getElementById("words");
  const count = document.getElementById("count");
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const standings = new Set([...form.querySelectorAll(":checked")].map(one => one.value));
    let shown = 0;
    hosts.forEach((host, number) => {
      host.hidden = !standings.has(host.dataset.standing) || !wanted.every(one => texts[number].includes(one));
      shown += host.hidden ? 0 : 1;
    });
    count.textContent = shown === hosts.length ? "" : `${shown} of ${hosts.length} shown`;
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", event => event.preventDefault());
}
