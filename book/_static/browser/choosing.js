// A file of the reader's own: by the file field, or dropped anywhere on the app.

/** Call `chosen(file)` for the first file that the reader picks in `field` or drops on `area`. */
export function onFile(field, area, chosen) {
  field.addEventListener("change", () => {
    if (field.files.length > 0) chosen(field.files[0]);
    field.value = ""; // the same file again is a choice, too
  });
  for (const kind of ["dragenter", "dragover"]) {
    area.addEventListener(kind, (event) => {
      event.preventDefault(); // else the browser opens the file instead of the page
      area.classList.add("dropping");
    });
  }
  area.addEventListener("dragleave", (event) => {
    if (!area.contains(event.relatedTarget)) area.classList.remove("dropping");
  });
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("dropping");
    if (event.dataTransfer.files.length > 0) chosen(event.dataTransfer.files[0]);
  });
}
