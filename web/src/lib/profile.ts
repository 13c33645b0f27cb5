/** What the browser remembers about the person between visits. */
const nameKey = 'clapt.name';
const devicesKey = 'clapt.devices';

/** Chosen devices; an empty id means what the system prefers. */
export interface DeviceChoice {
  audioInput: string;
  audioOutput: string;
  videoInput: string;
  audioOn: boolean;
  videoOn: boolean;
}

export const defaultChoice: DeviceChoice = {
  audioInput: '',
  audioOutput: '',
  videoInput: '',
  audioOn: true,
  videoOn: true,
};

export const loadName = (): string => localStorage.getItem(nameKey) ?? '';

export function saveName(name: string): void {
  localStorage.setItem(nameKey, name);
}

export function loadChoice(): DeviceChoice {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(devicesKey) ?? '{}');
    return { ...defaultChoice, ...(stored as Partial<DeviceChoice>) };
  } catch {
    return defaultChoice;
  }
}

export function saveChoice(choice: DeviceChoice): void {
  localStorage.setItem(devicesKey, JSON.stringify(choice));
}
