const pattern = /^[\p{L}\p{N}._-]{1,64}$/u;

/** Whether a text can be the name of a room: letters, digits, dots, dashes, underscores. */
export const isRoomName = (name: string): boolean => pattern.test(name);

/** Turns what people type ("Yoga basics ") into a room name ("yoga-basics"). */
export const toRoomName = (typed: string): string => typed.trim().toLowerCase().replaceAll(/\s+/g, '-');
