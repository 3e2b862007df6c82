export function begin() {}
export function shown() {}
