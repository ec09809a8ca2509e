// Before anything is drawn: the colours that were chosen, or those of the system.
(() => {
  const asked = new URLSearchParams(location.search).get('theme');
  let kept = null;
  try { kept = localStorage.getItem('theme'); } catch { /* storage is not allowed here */ }
  const system = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  const chosen = [asked, kept].find(name => name === 'light' || name === 'dark');
  document.documentElement.dataset.theme = chosen || system;
})();
