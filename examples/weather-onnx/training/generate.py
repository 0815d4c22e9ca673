"""Writes weather.csv: hours of an invented town. Not measurements; made so that a model has
something to find.

    python training/generate.py

Pressure wanders over days; low pressure brings humidity, wind from the west and rain, humid air
fog. An hour is called one after which it rains by chance, the chance growing with what a forecaster
would look at: low pressure, humid air, wind from the west, rain that falls already. So no model can
be right about every hour.
"""

import csv
import math
import random
from pathlib import Path

HOURS = 3000


def main():
    chance = random.Random(11)
    rows, pressure = [], 1013.0
    for hour in range(HOURS):
        pressure += (1013 - pressure) * 0.02 + chance.gauss(0, 1.3)
        rows.append(row_of(hour * 3, pressure, chance))
    with open(Path(__file__).with_name("weather.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def row_of(hour, pressure, chance):
    season = -math.cos(2 * math.pi * hour / 8766)
    daytime = -math.cos(2 * math.pi * (hour % 24 - 3) / 24)
    low = (1013 - pressure) / 10
    temperature = 10 + 9 * season + 4 * daytime - 1.5 * low + chance.gauss(0, 2)
    humidity = min(1, max(0.2, 0.68 + 0.12 * low - 0.08 * daytime + chance.gauss(0, 0.09)))
    wind = max(0, 11 + 6 * low + chance.gauss(0, 5))
    bearing = (180 + 60 * low + chance.gauss(0, 70)) % 360
    rains = low + (humidity - 0.7) * 4 + chance.gauss(0, 0.6) > 1.2
    foggy = not rains and humidity > 0.88 and chance.random() < 0.4
    usual = 7 if rains else 0.6 if foggy else 16
    visibility = max(0.1, usual + chance.gauss(0, 1.5))
    score = 1.6 * low + 7 * (humidity - 0.72) + 0.006 * (bearing - 180) + 1.9 * rains - 1.3
    return {
        "temp_c": round(temperature, 2),
        "humidity": round(humidity, 2),
        "wind_speed_kmph": round(wind, 2),
        "wind_bearing_degree": round(bearing) % 360,
        "visibility_km": round(visibility, 2),
        "pressure_millibars": round(pressure, 2),
        "current_weather_condition": int(rains),
        "rain": int(chance.random() < 1 / (1 + math.exp(-score))),
    }


if __name__ == "__main__":
    main()
