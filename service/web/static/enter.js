// Accept an invitation: its secret stands behind the #, so that no log of any server has it.
const button = document.getElementById("accept");
const said = document.getElementById("said");
button.addEventListener("click", async () => {
  const { api, invitation, next } = button.dataset;
  const answer = await fetch(api, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ invitation, secret: location.hash.slice(1) }),
  }).catch(() => null);
  if (answer?.ok) location.replace(next);
  else said.textContent = answer ? "This link is not valid: it may be incomplete, revoked or too old. Ask for a new one." : "No connection; try again.";
});
