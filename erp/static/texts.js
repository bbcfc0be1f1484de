// Texts of scripts in the language of the page: erpText("{} of {}", 3, 20). Without a translation they are English.
(() => {
  "use strict";
  const given = document.getElementById("erp-texts"), texts = given ? JSON.parse(given.textContent) : {};
  window.erpText = (message, ...facts) => (texts[message] || message).replace(/\{\}/g, () => facts.shift());
})();
