/* Lets the site's search run when a page is opened as a file, where browsers allow no worker:
 * the worker's script runs in a hidden frame. The theme would load such a script from another host.
 * The messages are those of a Worker, as in the package iframe-worker (MIT). */
(() => {
  if (location.protocol !== "file:") return;

  // Inside the frame: what a worker has and a page has not.
  const inside = `
    postMessage = (data) => parent.postMessage(data, "*");
    importScripts = (...urls) => urls.reduce((done, url) => done.then(() => new Promise((loaded) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = loaded;
      document.body.append(script);
    })), Promise.resolve());`;

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const page = this.frame.contentWindow;
      page.document.open();
      page.document.write(`<body><script>${inside}</` + `script><script src="${url}"></` + `script>`);
      page.document.close();
      this.ready = new Promise((loaded) => { page.onload = loaded; }); // open() forgets listeners
      this.heard = (event) => {
        if (event.source !== page) return;
        this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        if (this.onmessage) this.onmessage(event);
      };
      addEventListener("message", this.heard);
    }

    postMessage(data) {
      this.ready.then(() => {
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      });
    }

    terminate() {
      removeEventListener("message", this.heard);
      this.frame.remove();
    }
  };
})();
