"use strict";
// `-` and a leading backslash have meanings in the table; pipeline/label/answers.py has them.
function answer(crop) {
  if (crop.querySelector("[type=checkbox]").checked) return "\\";
  const typed = crop.querySelector("[type=text]").value;
  return typed === "-" || typed.startsWith("\\") ? "\\" + typed : typed;
}
const crops = [...document.querySelectorAll(".crop")];
const fields = crops.map((crop) => crop.querySelector("[type=text]"));
function table() {
  return "PATH\tTEXT\n" + crops.map((crop) => crop.dataset.name + "\t" + answer(crop) + "\n").join("");
}
function count() {
  const done = crops.filter((crop) => answer(crop)).length;
  document.getElementById("count").textContent = done + " of " + crops.length + " answered";
}
fields.forEach((field, place) => {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    if (!field.value) field.value = field.dataset.read;
    (fields[place + 1] || document.getElementById("save")).focus();
    count();
  });
});
document.addEventListener("input", count);
document.getElementById("save").addEventListener("click", (event) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table()], { type: "text/tab-separated-values" }));
  link.download = event.target.dataset.file;
  link.click();
});
count();
