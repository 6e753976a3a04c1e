// What every shop has in some form: consent mode, a banner that remembers, and GA4 pushes to the data layer.
"use strict";

window.dataLayer = window.dataLayer || [];
function gtag() {
  dataLayer.push(arguments);
}

const COOKIE = "shop_consent"; // "none", or the parts agreed to: "analytics.ads.personal"
const SIGNALS = {
  analytics: ["analytics_storage"],
  ads: ["ad_storage", "ad_user_data"],
  personal: ["ad_personalization"],
};

function signals(choice) {
  const agreed = choice.split(".");
  const values = {};
  for (const [part, names] of Object.entries(SIGNALS)) {
    for (const name of names) values[name] = agreed.includes(part) ? "granted" : "denied";
  }
  return values;
}

const remembered = (document.cookie.match(/(?:^|; )shop_consent=([a-z.]+)/) || [])[1];
gtag("consent", "default", { ...signals("none"), wait_for_update: 500 });
if (remembered) gtag("consent", "update", signals(remembered));

function push(entry) {
  if ("ecommerce" in entry) dataLayer.push({ ecommerce: null });
  dataLayer.push(entry);
}
JSON.parse(document.getElementById("pushes").textContent).forEach(push);

// Clicks and forms say with data-push what they mean.
function pushOf(element, pieces) {
  if (!element || !element.dataset.push) return;
  for (const entry of [].concat(JSON.parse(element.dataset.push))) {
    if (pieces > 1) {
      entry.ecommerce.items[0].quantity = pieces;
      entry.ecommerce.value = +(entry.ecommerce.items[0].price * pieces).toFixed(2);
    }
    push(entry);
  }
}
document.addEventListener("submit", (event) => pushOf(event.target, Number(new FormData(event.target).get("quantity"))));
document.addEventListener("click", (event) => pushOf(event.target.closest("a[data-push]")));

// The banner.
const banner = document.getElementById("consent");
const choices = document.getElementById("consent-choices");
function choose(choice) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${COOKIE}=${choice}; Path=/; Max-Age=15552000; SameSite=Lax${secure}`;
  gtag("consent", "update", signals(choice));
  banner.hidden = true;
  // The visitor may have become somebody, or nobody: ask for the advertisement again.
  document.querySelectorAll(".slot iframe").forEach((frame) => setTimeout(() => (frame.src = frame.src), 1500));
}
banner.addEventListener("click", (event) => {
  const choice = event.target.dataset.consent;
  if (choice === "none") choose("none");
  if (choice === "all") choose("analytics.ads.personal");
});
choices.addEventListener("submit", (event) => {
  event.preventDefault();
  choose(Object.keys(SIGNALS).filter((part) => choices.elements[part].checked).join(".") || "none");
});
document.getElementById("consent-settings").addEventListener("click", () => {
  choices.hidden = !choices.hidden;
});
document.getElementById("change-consent").addEventListener("click", () => {
  const now = (document.cookie.match(/(?:^|; )shop_consent=([a-z.]+)/) || [])[1] || "";
  for (const part of Object.keys(SIGNALS)) choices.elements[part].checked = now.split(".").includes(part);
  choices.hidden = false;
  banner.hidden = false;
  banner.querySelector("button").focus();
});
banner.hidden = Boolean(remembered);

// An advertisement that the server had none for (204) takes no room.
document.querySelectorAll(".slot iframe").forEach((frame) => {
  const look = () => {
    const page = frame.contentDocument;
    const shown = page && page.URL !== "about:blank" && page.readyState === "complete" && page.body.childElementCount > 0;
    frame.parentElement.hidden = !shown;
  };
  frame.addEventListener("load", look);
  look();
});
