// Runs before anything is painted, so that a page whose theme was chosen does not flash in the other one. It is no module
// for that reason: modules wait for the document.
(() => {
  "use strict";
  const themes = ["auto", "light", "dark"];
  const names = { auto: "automatic", light: "light", dark: "dark" };
  let theme = "auto";

  // Storage may be forbidden, and then the choice lasts as long as the page.
  const remember = () => { try { localStorage.setItem("theme", theme); } catch { /* not remembered */ } };
  const recall = () => { try { return localStorage.getItem("theme"); } catch { return null; } };

  const apply = (chosen) => {
    theme = themes.includes(chosen) ? chosen : "auto";
    document.documentElement.dataset.theme = theme;
  };

  apply(recall());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.lastChild.data = names[theme];
    };
    button.addEventListener("click", () => {
      apply(themes[(themes.indexOf(theme) + 1) % themes.length]);
      remember();
      label();
    });
    label();
    button.hidden = false;
  });
})();
