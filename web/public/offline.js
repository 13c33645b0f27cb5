// The page for when the server can't be reached: speaks the chosen language and goes on by itself.

const wanted = [localStorage.getItem('clapt.locale'), ...navigator.languages];
const spoken = [...document.querySelectorAll('main')].map((part) => part.lang);
const chosen = wanted.map((tag) => (tag ?? '').toLowerCase().split('-')[0]).find((tag) => spoken.includes(tag)) ?? spoken[0];

document.documentElement.lang = chosen;
for (const part of document.querySelectorAll('main')) {
  part.hidden = part.lang !== chosen;
  part.querySelector('button').addEventListener('click', () => location.reload());
  if (!part.hidden) document.title = part.dataset.title;
}
addEventListener('online', () => location.reload());
