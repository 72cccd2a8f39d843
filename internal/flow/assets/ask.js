// Tells while somebody types whether a username or a password fits. The page
// works without it, and the server decides anyway.
"use strict";
(() => {
  const form = document.querySelector("form[data-check]");
  if (!form) return;
  for (const input of form.querySelectorAll("input[data-live]")) {
    const problem = document.getElementById(input.id + "-problem");
    let asked = 0;
    const tell = (said) => {
      problem.textContent = said.ok ? "" : said.message;
      problem.hidden = said.ok;
      if (said.ok) input.removeAttribute("aria-invalid");
      else input.setAttribute("aria-invalid", "true");
    };
    input.addEventListener("change", async () => {
      const mine = ++asked;
      if (input.value === "") return;
      const body = new URLSearchParams({
        login: form.elements.login.value,
        field: input.name,
        value: input.value,
        username: form.elements.username ? form.elements.username.value : "",
      });
      try {
        const answer = await fetch(form.dataset.check, { method: "POST", body });
        if (!answer.ok) return;
        const said = await answer.json();
        if (mine === asked) tell(said);
      } catch {
        // It is only a convenience.
      }
    });
  }
})();
