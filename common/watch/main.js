// The start.

const app = new App();
fillHelp();
listenToKeys(app);
app.openGame(0);
addEventListener("hashchange", () => app.follow());
app.follow();
